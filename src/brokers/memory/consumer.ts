import { CaromError } from '../../errors.ts'
import type { Consumer, ConsumerOptions, Delivery, Settlement } from '../broker.ts'
import { checkConsumerOptions, checkMax } from '../consumer-rules.ts'
import { fromStored, toPlaced } from '../stored-message.ts'
import type { Claim, MemoryStore } from './store.ts'

export class MemoryConsumer implements Consumer {
  readonly #store: MemoryStore
  readonly #options: ConsumerOptions
  readonly #onClosed: () => void
  #closed = false

  /** @param onClosed called once, when it closes. */
  constructor(store: MemoryStore, options: ConsumerOptions, onClosed: () => void) {
    this.#store = store
    this.#onClosed = onClosed
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
    return settlements.map((settlement, index) => this.#store.settle(settlement, nexts[index] ?? []))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#onClosed()
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
