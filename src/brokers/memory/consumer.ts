import { CaromError } from '../../errors.ts'
import type { Consumer, ConsumerOptions, Delivery, Settlement } from '../broker.ts'
import { checkConsumerOptions, checkMax } from '../consumer-rules.ts'
import { fromStored, toPlaced } from '../stored-message.ts'
import type { Claim, MemoryStore } from './store.ts'

interface ConsumerOwner {
  readonly resultExpiresMs: number
  /** Called once, when it closes. */
  closed(): void
}

export class MemoryConsumer implements Consumer {
  readonly settlesInTurn = true
  readonly #store: MemoryStore
  readonly #options: ConsumerOptions
  readonly #owner: ConsumerOwner
  #closed = false

  constructor(store: MemoryStore, options: ConsumerOptions, owner: ConsumerOwner) {
    this.#store = store
    this.#owner = owner
    this.#options = checkConsumerOptions(options)
  }

  async claim(max: number, { signal }: { readonly signal: AbortSignal }): Promise<Delivery[]> {
    this.#assertOpen()
    checkMax(max)
    const { queues, leaseMs } = this.#options
    const ear = this.#store.bell.listen({ holds: true })
    try {
      while (!signal.aborted && !this.#closed) {
        const claims = this.#store.claim(max, { queues, leaseMs, owner: this })
        if (claims.length > 0) return claims.map(toDelivery)
        await ear.heard({ signal, atMs: this.#store.nextChangeMs(queues) })
      }
      return []
    } finally {
      ear.close()
    }
  }

  async renew(tokens: readonly string[]): Promise<readonly string[]> {
    this.#assertOpen()
    return tokens.filter((token) => !this.#store.renew(token))
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly ('settled' | 'lost')[]> {
    this.#assertOpen()
    // All of it first: a message that cannot be published must leave nothing settled.
    const nexts = settlements.map(({ next }) => next.map(toPlaced))
    const { resultExpiresMs } = this.#owner
    return settlements.map((settlement, index) => this.#store.settle(settlement, nexts[index] ?? [], resultExpiresMs))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#owner.closed()
    this.#store.giveBackAll(this)
  }

  #assertOpen(): void {
    if (this.#closed) throw new CaromError('CAROM_STORE_CLOSED', 'This consumer was closed')
  }
}

function toDelivery({ token, entry }: Claim): Delivery {
  const { queue, deliveries, crashes, foreign } = entry
  return { token, queue, message: fromStored(entry), counts: { deliveries, crashes, foreign } }
}
