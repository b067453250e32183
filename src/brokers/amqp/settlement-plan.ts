/** What one settlement asks of RabbitMQ: what is published, in order, and whether the message is acked or goes back. */
import type { Settlement } from '../broker.ts'
import type { AmqpAddress } from './address.ts'
import type { Arrival } from './arrival.ts'
import { etaOf } from './arrival.ts'
import { type Prepared, prepare, prepareReleased } from './prepared.ts'
import { prepareQuarantined } from './quarantined.ts'
import { prepareReply } from './result-reply.ts'

export interface SettlementPlan {
  readonly token: string
  readonly arrival: Arrival
  /** Confirmed before the message ends. */
  readonly publishes: readonly Prepared[]
  /** To its old place; otherwise it is acked. */
  readonly goesBack: boolean
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` */
export function planOf(
  { token, result, next, end }: Settlement,
  arrival: Arrival,
  { persistentResults }: Pick<AmqpAddress, 'persistentResults'>,
): SettlementPlan {
  const { queue, message, counts } = arrival
  const publishes = [
    ...(result === null ? [] : prepareReply(result, persistentResults)),
    ...next.map((outgoing) => prepare(outgoing.queue, outgoing.message, {}, etaOf(outgoing.message))),
  ]
  switch (end.type) {
    case 'ack':
      return { token, arrival, publishes, goesBack: false }
    case 'quarantine': {
      const sum = end.count === undefined ? counts : { ...counts, ...plusOne(counts, end.count) }
      publishes.push(prepareQuarantined(queue, message, sum, end.reason, Date.now()))
      return { token, arrival, publishes, goesBack: false }
    }
    case 'release': {
      if (end.count === 'none' && !(end.delayMs > 0)) return { token, arrival, publishes, goesBack: true }
      const past =
        end.count === 'none'
          ? { ...counts, deliveries: counts.deliveries - 1 }
          : { ...counts, ...plusOne(counts, end.count) }
      publishes.push(prepareReleased(queue, message, past, end.delayMs))
      return { token, arrival, publishes, goesBack: false }
    }
  }
}

function plusOne(counts: Arrival['counts'], count: 'crash' | 'foreign') {
  return count === 'crash' ? { crashes: counts.crashes + 1 } : { foreign: counts.foreign + 1 }
}
