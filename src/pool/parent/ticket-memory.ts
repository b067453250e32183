/** The memory for a child's tickets. */
import type { Addon } from '../../native/addon.ts'
import { TICKET_BYTES, Tickets } from '../protocol/tickets.ts'

export interface TicketMemory {
  readonly tickets: Tickets
  /** For the child. */
  readonly fd: number
  /** To be called when the child has been started: its descriptor here is needed no more. */
  close(): void
}

/**
 * `null` where it cannot be had: in a sandbox without such memory, or with a limit on the size of files. What a child
 * without it has begun is known by its word alone. Without descriptors the start itself will fail.
 */
export function makeTicketMemory(addon: Addon): TicketMemory | null {
  let fd: number | null = null
  try {
    fd = addon.makeMemory(TICKET_BYTES)
    const made = fd
    const close = () => addon.closeDescriptor(made)
    return { fd, tickets: new Tickets(addon.mapMemory(fd, TICKET_BYTES)), close }
  } catch {
    if (fd !== null) addon.closeDescriptor(fd)
    return null
  }
}
