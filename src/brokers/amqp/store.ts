/**
 * What the brokers and result backends of one RabbitMQ share in this process: two connections, since RabbitMQ stops
 * reading from one that publishes while memory or disk run out, and acks must go on then.
 */
import { type AmqpAddress, storeName } from './address.ts'
import { codeOf, unavailable } from './errors.ts'
import { Link } from './link.ts'
import { type Prepared, routed } from './prepared.ts'
import type { Publication } from './protocol/publication.ts'
import { Publisher } from './publisher.ts'
import { ReturnedMessages } from './returned-messages.ts'
import { Topology } from './topology.ts'

/** Messages of a queue that one consumer has fetched: to be claimed, and claimed. */
export interface Holder {
  /** Resolves when what is on its way to it has arrived. */
  catchUp(): Promise<void>
  held(queue: string): { readonly waiting: number; readonly claimed: number }
}

export class AmqpStore {
  readonly name: string
  readonly address: AmqpAddress
  readonly topology: Topology
  readonly returned = new ReturnedMessages()
  /** For consuming and declaring: nothing is published on it. */
  readonly link: Link
  readonly publishingLink: Link
  /** Consumers of this process: what they hold is counted nowhere else. */
  readonly holders = new Set<Holder>()
  /** RabbitMQ limits what one channel holds, over all its queues; quorum queues know no such limit. */
  sharesCredit: boolean
  readonly #publisher: Publisher

  constructor(address: AmqpAddress) {
    this.address = address
    this.name = storeName(address)
    this.sharesCredit = address.queueType !== 'quorum'
    this.link = new Link(address, 'carom')
    this.publishingLink = new Link(address, 'carom (publishing)')
    this.topology = new Topology(this.link, address, this.name)
    this.#publisher = new Publisher(this.publishingLink, this.name)
  }

  /** Both connections, so that whoever opens a store with a wrong URL is told at once. */
  async connect(): Promise<void> {
    await Promise.all([this.link.connect(), this.publishingLink.connect()])
  }

  /**
   * Resolves when all are confirmed. Where a queue was deleted since it was declared, it is declared again. Which are
   * confirmed is said to `confirmed`, also when it rejects.
   *
   * @throws CaromError `CAROM_STORE_UNAVAILABLE`
   */
  async publish(prepared: readonly Prepared[], confirmed: (prepared: Prepared) => void = () => {}): Promise<void> {
    const returned = await this.#publishOnce(prepared, confirmed)
    if (returned.length === 0) return
    for (const { queue } of returned) if (queue !== null) this.topology.forget(queue)
    this.topology.forgetDelayed()
    const [lost] = await this.#publishOnce(returned, confirmed)
    if (lost === undefined) return
    throw unavailable(`RabbitMQ at ${this.name} has no queue "${lost.queue}", although it was just declared`)
  }

  async close(): Promise<void> {
    await Promise.all([this.link.close(), this.publishingLink.close()])
  }

  async #publishOnce(prepared: readonly Prepared[], confirmed: (prepared: Prepared) => void): Promise<Prepared[]> {
    const queues = new Set(prepared.map(({ queue }) => queue).filter((queue) => queue !== null))
    const delayed = new Set(
      prepared.flatMap(({ queue, dueMs }) => (queue !== null && dueMs > Date.now() ? [queue] : [])),
    )
    await Promise.all([...queues].map((queue) => this.topology.declareQueue(queue)))
    await Promise.all([...delayed].map((queue) => this.topology.declareDelayed(queue)))
    const nowMs = Date.now()
    const publications = new Map(prepared.map((each) => [routed(each, nowMs), each]))
    const preparedOf = (publication: Publication) => publications.get(publication) as Prepared
    const publishing = this.#publisher.publish([...publications.keys()], (each) => confirmed(preparedOf(each)))
    const returned = await publishing.catch((error: unknown) => {
      // The entrance of the delayed delivery is the only exchange that can be gone: the next try declares it.
      if (codeOf((error as Error).cause) === 'NOT_FOUND') this.topology.forgetDelayed()
      throw error
    })
    return returned.map(preparedOf)
  }
}

/** The store at that address, opened once more; every `acquire` needs its `release`. */
export async function acquireAmqpStore(address: AmqpAddress): Promise<AmqpStore> {
  const key = JSON.stringify(address)
  const shared = STORES.get(key) ?? { store: new AmqpStore(address), users: 0 }
  shared.users++
  STORES.set(key, shared)
  try {
    await shared.store.connect()
    return shared.store
  } catch (error) {
    await releaseAmqpStore(shared.store)
    throw error
  }
}

export async function releaseAmqpStore(store: AmqpStore): Promise<void> {
  for (const [key, shared] of STORES) {
    if (shared.store !== store || --shared.users > 0) continue
    STORES.delete(key)
    await store.close()
  }
}

const STORES = new Map<string, { readonly store: AmqpStore; users: number }>()
