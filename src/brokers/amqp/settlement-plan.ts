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
  /** Confirmed before the message ends. Each has a name, the same at every try of the settlement. */
  readonly publishes: ReadonlyMap<string, Prepared>
  /** Names of what earlier tries have published: it is not published again. */
  readonly published: Set<string>
  /** To its old place; otherwise it is acked. */
  readonly goesBack: boolean
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` */
export function planOf(
  { token, result, next, end }: Settlement,
  { arrival, published }: Pick<SettlementPlan, 'arrival' | 'published'>,
  { persistentResults }: Pick<AmqpAddress, 'persistentResults'>,
): SettlementPlan {
  const { queue, message, counts } = arrival
  const publishes = new Map<string, Prepared>()
  for (const reply of result === null ? [] : prepareReply(result, persistentResults)) {
    publishes.set(`result ${result?.status}`, reply)
  }
  for (const [index, { queue, message }] of next.entries()) {
    publishes.set(`next ${index} ${message.headers.id} ${queue}`, prepare(queue, message, {}, etaOf(message)))
  }
  switch (end.type) {
    case 'ack':
      return { token, arrival, publishes, published, goesBack: false }
    case 'quarantine': {
      const sum = end.count === undefined ? counts : { ...counts, ...plusOne(counts, end.count) }
      publishes.set(end.type, prepareQuarantined(queue, message, sum, end.reason, Date.now()))
      return { token, arrival, publishes, published, goesBack: false }
    }
    case 'release': {
      if (end.count === 'none' && !(end.delayMs > 0)) return { token, arrival, publishes, published, goesBack: true }
      const past =
        end.count === 'none'
          ? { ...counts, deliveries: counts.deliveries - 1 }
          : { ...counts, ...plusOne(counts, end.count) }
      publishes.set(end.type, prepareReleased(queue, message, past, end.delayMs))
      return { token, arrival, publishes, published, goesBack: false }
    }
  }
}

/** What is still to be published of them, each with what is to be called once it is confirmed. */
export function missingOf(plans: readonly SettlementPlan[]): ReadonlyMap<Prepared, () => void> {
  const missing = new Map<Prepared, () => void>()
  for (const { publishes, published } of plans) {
    for (const [name, prepared] of publishes) {
      if (!published.has(name)) missing.set(prepared, () => published.add(name))
    }
  }
  return missing
}

function plusOne(counts: Arrival['counts'], count: 'crash' | 'foreign') {
  return count === 'crash' ? { crashes: counts.crashes + 1 } : { foreign: counts.foreign + 1 }
}
