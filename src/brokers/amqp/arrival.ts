/** What is to become of a message that RabbitMQ has just delivered. Pure, but for the time it is told. */
import { fromWireDate } from '../../message/dates.ts'
import type { Message } from '../../message/message.ts'
import { toFailure } from '../../support/failure.ts'
import type { DeliveryCounts } from '../broker.ts'
import { type Prepared, prepare } from './prepared.ts'
import type { Delivered } from './protocol/incoming.ts'
import { prepareQuarantined } from './quarantined.ts'
import type { ReturnedMessages } from './returned-messages.ts'
import { type CaromHeader, readMessage } from './wire-message.ts'

export interface Arrival {
  readonly deliveryTag: number
  readonly queue: string
  readonly message: Message
  /** This delivery included. */
  readonly counts: DeliveryCounts
}

/** Claimable, or to be published elsewhere and then acked. */
export type Judgement =
  | { readonly type: 'claimable'; readonly arrival: Arrival }
  | { readonly type: 'moved'; readonly deliveryTag: number; readonly to: Prepared }

/**
 * - What is not due yet goes into the delayed delivery: a worker's memory is no place to wait in, and RabbitMQ closes
 *   the channel of one that holds a message for too long.
 * - What a classic queue delivers again is first published anew with its count: the queue says that there was a
 *   delivery before, not how many, and a message that takes its workers down has to be noticed. It loses its place.
 * - What a quorum queue has counted twice is published anew, too: beyond its limit (`x-delivery-limit`, 20 in RabbitMQ 4)
 *   it would drop the message, and it counts what was given back uncounted.
 * - What cannot be read goes into the quarantine.
 */
export function judgeArrival(queue: string, raw: Delivered, returned: ReturnedMessages, nowMs: number): Judgement {
  const { deliveryTag } = raw
  try {
    const { message, carom, returns } = readMessage(raw)
    const known = raw.redelivered ? returned.count(queue, message) : 0
    const earlier = Math.max(0, (returns ?? (raw.redelivered ? 1 : 0)) - known)
    const past: DeliveryCounts = {
      deliveries: (carom.deliveries ?? 0) + earlier,
      crashes: carom.crashes ?? 0,
      foreign: carom.foreign ?? 0,
    }
    const dueMs = Math.max(carom.dueMs ?? 0, etaOf(message))
    if (dueMs > nowMs) return moved(deliveryTag, queue, message, { ...past, dueMs: carom.dueMs }, dueMs)
    const isAnew = returns === null ? earlier > 0 : returns >= MAX_RETURNS
    if (known > 0 && (returns === null || isAnew)) returned.forget(queue, message)
    if (isAnew) return moved(deliveryTag, queue, message, past, 0)
    const counts = { ...past, deliveries: past.deliveries + 1 }
    return { type: 'claimable', arrival: { deliveryTag, queue, message, counts } }
  } catch (error) {
    const reason = `It cannot be read: ${toFailure(error).message}`
    const { contentType = '', contentEncoding = '', body } = raw
    const message = { headers: {}, properties: {}, contentType, contentEncoding, body }
    const to = prepareQuarantined(queue, message as unknown as Message, NO_COUNTS, reason, nowMs)
    return { type: 'moved', deliveryTag, to }
  }
}

/** An `eta` that is no date is the worker's to judge: it is due now. */
export function etaOf({ headers }: Message): number {
  return typeof headers.eta === 'string' ? (fromWireDate(headers.eta) ?? 0) : 0
}

function moved(deliveryTag: number, queue: string, message: Message, carom: CaromHeader, dueMs: number): Judgement {
  return { type: 'moved', deliveryTag, to: prepare(queue, message, carom, dueMs) }
}

const MAX_RETURNS = 2
const NO_COUNTS: DeliveryCounts = { deliveries: 0, crashes: 0, foreign: 0 }
