/** Messages that are ready to be published. */
import type { Message } from '../../message/message.ts'
import { delayedKey, FIRST_EXCHANGE, MAX_DELAY_SECONDS } from './delayed-delivery.ts'
import type { Publication } from './protocol/publication.ts'
import { type CaromHeader, toPublication } from './wire-message.ts'

export interface Prepared {
  readonly publication: Publication
  /** The queue that has to be there; `null` for a reply, whose queue is its reader's. */
  readonly queue: string | null
  /** Epoch milliseconds; 0 for now. */
  readonly dueMs: number
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` */
export function prepare(queue: string, message: Message, carom: CaromHeader = {}, dueMs = 0): Prepared {
  return { publication: toPublication(queue, message, carom), queue, dueMs }
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` */
export function prepareReleased(queue: string, message: Message, carom: CaromHeader, delayMs: number): Prepared {
  if (!(delayMs > 0)) return prepare(queue, message, carom)
  const dueMs = Date.now() + delayMs
  // Who comes out again too early has to know; others must not depend on the clock of another machine.
  const isTooLong = delayMs > MAX_DELAY_SECONDS * 1000
  return prepare(queue, message, isTooLong ? { ...carom, dueMs: Math.ceil(dueMs) } : carom, dueMs)
}

/** By its queue; or by the delayed delivery, whose order its own time to live would disturb: the header `expires` stays. */
export function routed({ publication, queue, dueMs }: Prepared, nowMs: number): Publication {
  if (queue === null || dueMs <= nowMs) return publication
  const { expiration: _, ...properties } = publication.properties
  return { ...publication, exchange: FIRST_EXCHANGE, routingKey: delayedKey(dueMs - nowMs, queue), properties }
}
