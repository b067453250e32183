/** The memory for a child's tickets. */
import type { Addon } from '../../native/addon.ts'
import { TICKET_BYTES, Tickets } from '../protocol/tickets.ts'

export interface TicketMemory {
  readonly tickets: Tickets
  /** For the child; to be closed here when it has been started. */
  readonly fd: number
}

/** @throws Error when there are no descriptors or no memory left. */
export function makeTicketMemory(addon: Addon): TicketMemory {
  const fd = addon.makeMemory(TICKET_BYTES)
  try {
    return { fd, tickets: new Tickets(addon.mapMemory(fd, TICKET_BYTES)) }
  } catch (error) {
    addon.closeDescriptor(fd)
    throw error
  }
}
