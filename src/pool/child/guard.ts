/** What protects a child from its surroundings, set up before any user code is loaded. */
import { toFailure } from '../../support/failure.ts'
import { encodePayload } from '../protocol/payload.ts'
import { type Channel, dieWithGroup } from './channel.ts'

export function guardProcess(channel: Channel, parentPid: number): void {
  // A terminal's Ctrl-C or an init's SIGTERM reaches every process; only the parent decides when a child ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  // The parent may have died before the kernel was asked to watch it: then the channel's end may be long past.
  if (process.ppid !== parentPid) dieWithGroup()
  process.on('uncaughtExceptionMonitor', (error) => {
    if (process.listenerCount('uncaughtException') > 0) return
    channel.lastWords({ type: 'crashed', payload: encodePayload(toFailure(error)) })
  })
}
