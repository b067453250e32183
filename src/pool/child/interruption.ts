/**
 * A call that a signal can stop in the middle, where it never waits and never asks. V8 ends the code at once: no `catch`
 * and no `finally` of it runs, so what it leaves behind is not to be trusted, and the parent replaces this child.
 */
import { Script } from 'node:vm'
import type { RunningJob } from './running-job.ts'

const KEY = Symbol.for('carom.pool.interruptible')
const shared = globalThis as { [KEY]?: () => unknown }
const script = new Script(`globalThis[Symbol.for('carom.pool.interruptible')]()`)

/** Only what runs before the first `await` can be stopped so. @throws SoftTimeLimitExceeded if it was. */
export function runInterruptibly(call: () => unknown, job: RunningJob): unknown {
  // An order to stop may have come while the arguments were read, and gone unheard.
  job.checkDeadline()
  shared[KEY] = call
  try {
    return script.runInThisContext({ breakOnSigint: true })
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code !== 'ERR_SCRIPT_EXECUTION_INTERRUPTED') throw error
    job.expire()
    throw job.reason
  } finally {
    delete shared[KEY]
  }
}
