/** Opens again what was lost. */
import { setTimeout as pause } from 'node:timers/promises'
import { backoffMs } from '../../support/backoff.ts'
import type { Channel } from './protocol/channel.ts'

/**
 * Tries until a channel is open, which it may no longer be in the moment in which it has been opened, or until `signal`
 * is aborted. Keeps no process alive.
 */
export async function reopened(open: () => Promise<Channel>, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    await pause(backoffMs(attempt, REOPEN), undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    // RabbitMQ is away for all others too; those who wait go on waiting, each for as long as it said.
    const channel = await open().catch(() => null)
    if (channel?.active === true) return
  }
}

const REOPEN = { firstMs: 100, maxMs: 5_000 }
