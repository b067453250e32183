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

/** @throws Error when there are no descriptors or no memory left. */
export function makeTicketMemory(addon: Addon): TicketMemory {
  const fd = addon.makeMemory(TICKET_BYTES)
  const close = () => addon.closeDescriptor(fd)
  try {
    return { fd, tickets: new Tickets(addon.mapMemory(fd, TICKET_BYTES)), close }
  } catch (error) {
    close()
    throw error
  }
}
