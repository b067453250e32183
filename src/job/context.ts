/**
 * What a running function may know about its own call. Kept on a global symbol, so that two copies of Carom in one
 * child (the user's and the worker's own) see the same context.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** The call that the current code runs for. */
export interface CurrentJob {
  /** The job's id in its pool; for a task, the task id. */
  readonly id: string
  /** Aborted when the call should stop: it was cancelled, or its pool is ending. Pass it on to whatever waits. */
  readonly signal: AbortSignal
  /**
   * Tells the caller how far it is: `onProgress` of the call gets the value. A later one makes an earlier one obsolete:
   * what is told faster than it is read is not queued.
   *
   * @throws CaromError `CAROM_RESULT_UNENCODABLE`, `CAROM_RESULT_TOO_LARGE`.
   */
  progress(value: unknown): void
  /**
   * For loops that never wait, where no signal can ring.
   *
   * @throws SoftTimeLimitExceeded once the soft time limit has passed; the signal's reason once it is aborted.
   */
  checkDeadline(): void
}

/** A task's run, seen from inside. */
export interface CurrentTask extends CurrentJob {
  readonly name: string
  readonly queue: string
  /** 1 for the first delivery of the message, one more for each delivery after it. */
  readonly attempt: number
  /** Times that the task has asked to be run again, over all its messages: Celery's count. */
  readonly retries: number
  /** Whether somebody may have begun this message before. */
  readonly redelivered: boolean
  /** The message's headers as they travelled, Celery's and the caller's own. */
  readonly headers: Readonly<Record<string, unknown>>
}

type Context = CurrentJob | CurrentTask

const KEY = Symbol.for('carom.job.context')
const shared = globalThis as { [KEY]?: AsyncLocalStorage<Context> }
shared[KEY] ??= new AsyncLocalStorage<Context>()
const storage = shared[KEY]

export function runInContext<T>(context: Context, fn: () => T): T {
  return storage.run(context, fn)
}

export function currentContext(): Context | undefined {
  return storage.getStore()
}
