/** What protects a child from its surroundings, set up before any user code is loaded. */
import { findAddon } from '../../native/addon.ts'
import { toFailure } from '../../support/failure.ts'
import { encodePayload } from '../protocol/payload.ts'
import { dieWithGroup, type SocketChannel } from './socket-channel.ts'

/** From now on the kernel kills this process with its parent, where it can be asked for that; if that is gone, now. */
export function dieWithParent(parentPid: number): void {
  try {
    findAddon().addon?.dieWithParent(parentPid)
  } catch {
    // A sandbox that refuses it: the sentry is left.
  }
  // It may have died before the kernel was asked: then the channel's end may be long past.
  if (process.ppid !== parentPid) dieWithGroup()
}

export function guardProcess(channel: SocketChannel): void {
  // A terminal's Ctrl-C or an init's SIGTERM reaches every process; only the parent decides when a child ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  for (const stream of [process.stdout, process.stderr]) writeAtOnce(stream)
  process.on('uncaughtExceptionMonitor', (error) => {
    if (process.listenerCount('uncaughtException') > 0) return
    channel.lastWords({ type: 'crashed', payload: encodePayload(toFailure(error)) })
  })
  // A job that ends the process takes no result of its neighbours with it.
  process.on('exit', () => channel.lastWords())
}

/**
 * Node keeps what a pipe has no room for, and drops it when the process exits. So a write waits: a child that prints
 * more than is read stands still instead of growing, and its last words are whole.
 */
export function writeAtOnce(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(blocking: boolean): void } }
  handle?.setBlocking?.(true)
}
