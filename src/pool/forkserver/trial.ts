/** Whether forking works here, found out by doing it: one child that does what children do, and ends. */
import type { Addon } from '../../native/addon.ts'
import { MAX_FAILURE_BYTES, readFailure } from '../../support/failure.ts'
import type { ChildEnd } from '../parent/child-handle.ts'
import { deadline } from '../parent/deadline.ts'
import type { StartOrder } from '../protocol/messages.ts'
import { decodePayload, encodePayload } from '../protocol/payload.ts'
import { ForkExecutor } from './executor.ts'
import type { ServerOptions } from './server-process.ts'

/** `null` if it works, else in one line why not. Within two seconds; holds no script alive. */
export function tryForking(addon: Addon, options: Omit<ServerOptions, 'preload'>): Promise<string | null> {
  const executor = new ForkExecutor({
    ...options,
    addon,
    preload: [],
    maxPayloadBytes: MAX_FAILURE_BYTES,
    startTimeoutMs: TRIAL_MS,
    otherwise: 'fail',
    trial: null,
  })
  return new Promise((resolve) => {
    let reason: string | null = null
    let isDone = false
    const child = executor.startChild(1, {
      message: (message) => {
        isDone ||= message.type === 'ready'
        if (message.type === 'ready') child.send({ type: 'stop' })
        else if (message.type === 'broken' || message.type === 'crashed')
          reason ??= readFailure(decodePayload(message.payload)).message
      },
      badFrame: (error) => {
        reason ??= error.message
        child.kill()
      },
      ended: (end) => {
        clearTimeout(timer)
        executor.childGone(end)
        executor.end()
        resolve(reason ?? endedWrong(end) ?? (isDone ? null : 'a forked child ended before it was done'))
      },
    })
    const timer = deadline(() => {
      reason ??= `a forked child was not done within ${TRIAL_MS} ms`
      child.kill()
    }, TRIAL_MS)
    child.send({ type: 'start', payload: encodePayload(TEST) })
  })
}

function endedWrong({ exitCode, signal, spawnError }: ChildEnd): string | null {
  if (spawnError !== null) return spawnError.message
  if (signal !== null) return `a forked child was killed by ${signal}`
  return exitCode === 0 ? null : `a forked child ended with exit code ${exitCode}`
}

const TRIAL_MS = 2_000
const TEST: StartOrder = {
  module: new URL('./server/canary.js', import.meta.url).href,
  initializer: 'selfTest',
  initArgs: [],
  maxPayloadBytes: MAX_FAILURE_BYTES,
  credits: 1,
  interrupts: false,
}
