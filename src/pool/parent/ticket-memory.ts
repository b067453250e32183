/** The memory for a child's tickets, where there is an addon to share it with. */
import { closeSync } from 'node:fs'
import { findAddon } from '../../native/addon.ts'
import { TICKET_BYTES, Tickets } from '../protocol/tickets.ts'

export interface TicketMemory {
  readonly tickets: Tickets
  /** For the child; to be closed here when it has been started. */
  readonly fd: number
}

/** `null`: the pool does without, and asks its children instead. */
export function makeTicketMemory(): TicketMemory | null {
  const { addon } = findAddon()
  if (addon === null) return null
  let fd: number | null = null
  try {
    fd = addon.makeMemory(TICKET_BYTES)
    return { fd, tickets: new Tickets(addon.mapMemory(fd, TICKET_BYTES)) }
  } catch {
    if (fd !== null) closeSync(fd)
    return null
  }
}
