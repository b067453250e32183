/** The memory that a child shares with its parent: its tickets, and behind them its outbox. */
import { OUTBOX_BYTES, Outbox, OutboxReader } from './outbox.ts'
import { TICKET_BYTES, Tickets } from './tickets.ts'

export const CHILD_MEMORY_BYTES = TICKET_BYTES + OUTBOX_BYTES

export interface MemoryOfChild {
  readonly tickets: Tickets
  readonly outbox: OutboxReader
}

export interface MemoryInChild {
  readonly tickets: Tickets
  readonly outbox: Outbox
}

export function memoryOfChild(memory: ArrayBuffer): MemoryOfChild {
  return { tickets: new Tickets(memory), outbox: new OutboxReader(memory, TICKET_BYTES) }
}

export function memoryInChild(memory: ArrayBuffer): MemoryInChild {
  return { tickets: new Tickets(memory), outbox: new Outbox(memory, TICKET_BYTES) }
}
