import type { Broker, Consumer, ConsumerOptions, Outgoing, Quarantine, QueueDepth } from '../broker.ts'
import type { AmqpAddress } from './address.ts'
import { etaOf } from './arrival.ts'
import { AmqpConsumer } from './consumer.ts'
import { closed } from './errors.ts'
import { AmqpMailbox } from './mailbox.ts'
import { prepare } from './prepared.ts'
import { AmqpQuarantine } from './quarantine.ts'
import { type AmqpStore, acquireAmqpStore, releaseAmqpStore } from './store.ts'

/**
 * RabbitMQ, in Celery's wire. In what it differs from the contract's strictest reading:
 *
 * - A call that publishes or settles several messages is no single step; its error says how many were confirmed.
 * - What is not due yet waits in queues that all have in common: `depths` does not count it, `purge` leaves it, and it
 *   comes up to a second after it is due.
 * - Claims of other processes are not counted.
 * - A lease ends with its connection; RabbitMQ itself ends one after its `consumer_timeout` (30 minutes), whatever is renewed.
 * - A classic queue does not count deliveries: what comes again without having been given back by this process is put at
 *   its end, with its count. So is what goes back counted as a crash or as foreign, and what comes after a delay.
 * - What is set aside lies in the queue `carom.quarantine`, and is no dead letter besides: one that its owner sends back
 *   from there, as some do after a while, would be set aside again and again. A dead-letter exchange of the queue is
 *   RabbitMQ's own matter: it gets what expires or is too much for the queue.
 * - An ack that RabbitMQ has not written when it crashes is forgotten: the message comes again.
 *
 * @throws CaromError `CAROM_STORE_UNAVAILABLE`
 */
export async function openAmqpBroker(address: AmqpAddress): Promise<Broker> {
  return new AmqpBroker(await acquireAmqpStore(address))
}

class AmqpBroker implements Broker {
  readonly store: string
  readonly quarantine: Quarantine
  readonly mailbox: AmqpMailbox
  readonly #store: AmqpStore
  readonly #consumers = new Set<Consumer>()
  #closed: Promise<void> | null = null

  constructor(store: AmqpStore) {
    this.store = store.name
    this.quarantine = new AmqpQuarantine(store)
    this.mailbox = new AmqpMailbox(store)
    this.#store = store
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    this.#assertOpen()
    // All of them first: one that cannot be published keeps the others from being so.
    await this.#store.publish(messages.map(({ queue, message }) => prepare(queue, message, {}, etaOf(message))))
  }

  async consumer(options: ConsumerOptions): Promise<Consumer> {
    this.#assertOpen()
    const onClosed = () => this.#consumers.delete(consumer)
    const consumer = new AmqpConsumer(this.#store, options, onClosed)
    this.#consumers.add(consumer)
    return consumer
  }

  async depths(known: readonly string[] = []): Promise<readonly QueueDepth[]> {
    this.#assertOpen()
    const queues = [...new Set([...known, ...this.#store.topology.met])].sort()
    const depths = await Promise.all(queues.map((queue) => this.#depth(queue)))
    return depths.filter(({ waiting, claimed }) => waiting + claimed > 0)
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen()
    return this.#store.topology.purge(queue)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.mailbox.close()
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    await releaseAmqpStore(this.#store)
  }

  /** What is delivered to this process while it counts would be counted twice, or not at all: then it counts anew. */
  async #depth(queue: string): Promise<QueueDepth> {
    for (let tries = 0; ; tries++) {
      const before = this.#held(queue)
      const inQueue = (await this.#store.topology.count(queue)) ?? 0
      await Promise.all([...this.#store.holders].map((holder) => holder.catchUp()))
      const { waiting, claimed } = this.#held(queue)
      const isSteady = waiting === before.waiting && claimed === before.claimed
      if (isSteady || tries === MAX_COUNTS) return { queue, waiting: inQueue + waiting, delayed: 0, claimed }
    }
  }

  #held(queue: string): { readonly waiting: number; readonly claimed: number } {
    const held = [...this.#store.holders].map((holder) => holder.held(queue))
    return {
      waiting: held.reduce((sum, { waiting }) => sum + waiting, 0),
      claimed: held.reduce((sum, { claimed }) => sum + claimed, 0),
    }
  }

  #assertOpen(): void {
    if (this.#closed !== null) throw closed(`This broker on ${this.store}`)
  }
}

const MAX_COUNTS = 5
