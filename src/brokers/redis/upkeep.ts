/** Gives back what nobody holds any more: claims of ours whose lease is over, and others' by kombu's own rule. */
import { backOrAside, endClaims, envelopeOf } from './ending.ts'
import { EXPIRED } from './field-scripts.ts'
import { restoreForeign } from './foreign.ts'
import { fieldKeys } from './keys.ts'
import type { RedisStore } from './store.ts'

export class Upkeep {
  readonly #store: RedisStore
  readonly #timer: NodeJS.Timeout
  #round = 0
  #running = false

  constructor(store: RedisStore) {
    this.#store = store
    // Processes that start together do not look together.
    this.#timer = setInterval(() => this.#run(), EVERY_MS * (0.75 + Math.random() / 2)).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Gives claims back whose lease is over; counted as a delivery. */
  async giveBackExpired(): Promise<void> {
    const { keys } = this.#store
    for (;;) {
      const pairs = (await this.#store.script(EXPIRED, fieldKeys(keys), [SLICE])) as Buffer[]
      const fields = pairs.flatMap((part, index) => (index % 2 === 0 ? [part.toString()] : []))
      const endings = fields.map((field, index) => {
        const envelope = envelopeOf(pairs[2 * index + 1] as Buffer, field)
        return { field, result: null, next: [], end: backOrAside(keys, field, envelope, { type: 'leaseOver' }) }
      })
      // The oldest is given back last, and so is the first of its queue.
      await endClaims(this.#store, endings.reverse(), { onlyExpired: true })
      if (fields.length < SLICE) return
    }
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      await this.giveBackExpired()
      if (this.#round++ % FOREIGN_EVERY === 0) await restoreForeign(this.#store)
    } catch {
      // The next round tries again; an error that lasts is met by whoever uses the store.
    } finally {
      this.#running = false
    }
  }
}

const EVERY_MS = 1_000
const FOREIGN_EVERY = 60
const SLICE = 50
