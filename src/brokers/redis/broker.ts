import { CaromError } from '../../errors.ts'
import type { Broker, Consumer, ConsumerOptions, Outgoing, Quarantine, QueueDepth } from '../broker.ts'
import type { RedisAddress } from './address.ts'
import { openConsumer } from './consumer.ts'
import { countDepths, scan } from './depths.ts'
import { DROP_PARKED } from './field-scripts.ts'
import { fieldKeys, placeOf } from './keys.ts'
import { PURGE } from './list-scripts.ts'
import { RedisMailbox } from './mailbox.ts'
import { acquireStore, releaseStore } from './open-stores.ts'
import { toPushed } from './outgoing.ts'
import { publish } from './publish.ts'
import { RedisQuarantine } from './quarantine.ts'
import type { RedisStore } from './store.ts'

export async function openRedisBroker(address: RedisAddress): Promise<Broker> {
  return new RedisBroker(await acquireStore(address))
}

class RedisBroker implements Broker {
  readonly store: string
  readonly quarantine: Quarantine
  readonly mailbox: RedisMailbox
  readonly #store: RedisStore
  readonly #consumers = new Set<Consumer>()
  #closed = false

  constructor(store: RedisStore) {
    this.store = store.name
    this.quarantine = new RedisQuarantine(store)
    this.mailbox = new RedisMailbox(store)
    this.#store = store
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    this.#assertOpen()
    await publish(
      this.#store,
      messages.map((message) => toPushed(message, this.#store.keys)),
    )
  }

  async consumer(options: ConsumerOptions): Promise<Consumer> {
    this.#assertOpen()
    const consumer: Consumer = await openConsumer(this.#store, options, () => this.#consumers.delete(consumer))
    this.#consumers.add(consumer)
    return consumer
  }

  async depths(known: readonly string[] = []): Promise<readonly QueueDepth[]> {
    this.#assertOpen()
    return countDepths(this.#store, known)
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen()
    const { keys } = this.#store
    const parked: string[] = []
    for await (const [field] of scan(this.#store, keys.due)) if (placeOf(field)?.queue === queue) parked.push(field)
    let purged = (await this.#store.script(PURGE, keys.lists(queue), [])) as number
    for (let at = 0; at < parked.length; at += PURGE_STEP) {
      const step = parked.slice(at, at + PURGE_STEP)
      purged += (await this.#store.script(DROP_PARKED, fieldKeys(keys), step)) as number
    }
    return purged
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.mailbox.close()
      await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    } finally {
      releaseStore(this.#store)
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new CaromError('CAROM_STORE_CLOSED', `This broker on ${this.store} was closed`)
  }
}

const PURGE_STEP = 1_000
