import { setImmediate as turn } from 'node:timers/promises'
import { CaromError } from '../../errors.ts'
import type { Broker, Consumer, ConsumerOptions, Outgoing, Quarantine, QueueDepth } from '../broker.ts'
import { sizeBytes, toPlaced } from '../stored-message.ts'
import { shortChange, stepPerItem } from './change.ts'
import { openConsumer } from './consumer.ts'
import { countDepths } from './depths.ts'
import { SqliteMailbox } from './mailbox.ts'
import { acquireStore, releaseStore, type StoreOptions } from './open-stores.ts'
import { place } from './places.ts'
import { SqliteQuarantine } from './quarantine.ts'
import type { SqliteStore } from './store.ts'

export async function openSqliteBroker(options: StoreOptions): Promise<Broker> {
  return new SqliteBroker(await acquireStore(options), options.resultExpiresMs ?? 0)
}

class SqliteBroker implements Broker {
  readonly store: string
  readonly quarantine: Quarantine
  readonly mailbox: SqliteMailbox
  readonly #store: SqliteStore
  readonly #resultExpiresMs: number
  readonly #consumers = new Set<Consumer>()
  #closed = false

  constructor(store: SqliteStore, resultExpiresMs: number) {
    this.store = store.name
    this.#resultExpiresMs = resultExpiresMs
    this.quarantine = new SqliteQuarantine(store)
    this.mailbox = new SqliteMailbox(store)
    this.#store = store
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    this.#assertOpen()
    const placed = messages.map(toPlaced)
    if (placed.length === 0) return
    await this.#store.change({
      rows: placed.length,
      bytes: placed.reduce((sum, message) => sum + sizeBytes(message), 0),
      wakes: () => true,
      durable: true,
      steps: (database) => stepPerItem(placed, (message) => place(database, message)),
    })
  }

  async consumer(options: ConsumerOptions): Promise<Consumer> {
    this.#assertOpen()
    const consumer: Consumer = await openConsumer(this.#store, options, {
      resultExpiresMs: this.#resultExpiresMs,
      closed: () => this.#consumers.delete(consumer),
    })
    this.#consumers.add(consumer)
    return consumer
  }

  async depths(): Promise<readonly QueueDepth[]> {
    this.#assertOpen()
    // A turn of the loop: who asks in a circle must not keep everybody else from running.
    await turn()
    return countDepths(this.#store)
  }

  async purge(queue: string): Promise<number> {
    this.#assertOpen()
    // What is published meanwhile stays: otherwise the end might never come.
    const last = await this.#store.read((database) => database.all<[number | null]>(LAST)[0]?.[0] ?? 0)
    let purged = 0
    for (const sql of [PURGE_READY, PURGE_DELAYED]) {
      for (let slice = PURGE_SLICE; slice === PURGE_SLICE; purged += slice) {
        slice = await this.#purgeSlice(sql, queue, last)
      }
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
      await releaseStore(this.#store)
    }
  }

  async #purgeSlice(sql: string, queue: string, last: number): Promise<number> {
    this.#assertOpen()
    return this.#store.change(
      shortChange((database) => database.run(sql, queue, last, PURGE_SLICE), { rows: PURGE_SLICE, durable: true }),
    )
  }

  #assertOpen(): void {
    if (this.#closed) throw new CaromError('CAROM_STORE_CLOSED', `This broker on ${this.store} was closed`)
  }
}

const PURGE_SLICE = 200
const LAST = 'SELECT max(seq) FROM place'
const PURGE_READY = purgeSql('due_ms = 0')
const PURGE_DELAYED = purgeSql('due_ms > 0')

function purgeSql(state: string): string {
  return `DELETE FROM place WHERE seq IN
    (SELECT seq FROM place WHERE queue = ? AND token IS NULL AND ${state} AND seq <= ? LIMIT ?)`
}
