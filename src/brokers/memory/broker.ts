import { setImmediate as turn } from 'node:timers/promises'
import { CaromError } from '../../errors.ts'
import type {
  Broker,
  Consumer,
  ConsumerOptions,
  Outgoing,
  Quarantine,
  QuarantinedMessage,
  QueueDepth,
} from '../broker.ts'
import { fromStored, toPlaced } from '../stored-message.ts'
import { MemoryConsumer } from './consumer.ts'
import { MemoryMailbox } from './mailbox.ts'
import { acquireMemoryStore, type MemoryAddress, type MemoryStore, releaseMemoryStore } from './store.ts'

export async function openMemoryBroker({ name, resultExpiresMs }: MemoryAddress): Promise<Broker> {
  return new MemoryBroker(acquireMemoryStore(name), resultExpiresMs)
}

class MemoryBroker implements Broker {
  readonly store: string
  readonly quarantine: Quarantine
  readonly mailbox: MemoryMailbox
  readonly #store: MemoryStore
  readonly #resultExpiresMs: number
  readonly #consumers = new Set<Consumer>()
  #closed = false

  constructor(store: MemoryStore, resultExpiresMs: number) {
    this.store = store.name
    this.#resultExpiresMs = resultExpiresMs
    this.quarantine = new MemoryQuarantine(store)
    this.mailbox = new MemoryMailbox(store)
    this.#store = store
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    this.#assertOpen()
    this.#store.publish(messages.map(toPlaced))
  }

  async consumer(options: ConsumerOptions): Promise<Consumer> {
    this.#assertOpen()
    const closed = () => this.#consumers.delete(consumer)
    const consumer = new MemoryConsumer(this.#store, options, { resultExpiresMs: this.#resultExpiresMs, closed })
    this.#consumers.add(consumer)
    return consumer
  }

  async depths(): Promise<readonly QueueDepth[]> {
    this.#assertOpen()
    // A turn of the loop: who asks in a circle must not keep everybody else from running.
    await turn()
    return this.#store.depths()
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen()
    return this.#store.purge(queue)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.mailbox.close()
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    releaseMemoryStore(this.#store)
  }

  #assertOpen(): void {
    if (this.#closed) throw new CaromError('CAROM_STORE_CLOSED', `This broker on ${this.store} was closed`)
  }
}

class MemoryQuarantine implements Quarantine {
  readonly #store: MemoryStore

  constructor(store: MemoryStore) {
    this.#store = store
  }

  async list(): Promise<readonly QuarantinedMessage[]> {
    return this.#store.quarantined.map(({ taskId, entry, reason, atMs }) => {
      const message = fromStored(entry)
      const { queue, deliveries, crashes, foreign } = entry
      return { taskId, queue, message, counts: { deliveries, crashes, foreign }, reason, atMs }
    })
  }

  async replay(taskIds: readonly string[]): Promise<number> {
    const taken = this.#take(taskIds)
    this.#store.publish(taken.map((entry) => ({ ...entry, dueMs: 0 })))
    return taken.length
  }

  async drop(taskIds: readonly string[]): Promise<number> {
    return this.#take(taskIds).length
  }

  #take(taskIds: readonly string[]) {
    const asked = new Set(taskIds)
    const taken = this.#store.quarantined.filter(({ taskId }) => asked.has(taskId))
    this.#store.quarantined = this.#store.quarantined.filter((quarantined) => !taken.includes(quarantined))
    return taken.map(({ entry }) => entry)
  }
}
