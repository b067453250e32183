/** Gives back what nobody holds any more: claims of ours whose lease is over, and others' by kombu's own rule. */
import { backOrAside, type Ending, endClaims, takenOf } from './ending.ts'
import { DEFER, EXPIRED } from './field-scripts.ts'
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

  /** Gives claims back whose lease is over; counted as a delivery. One that cannot go back is tried again later. */
  async giveBackExpired(): Promise<void> {
    const { keys } = this.#store
    for (;;) {
      const parts = (await this.#store.script(EXPIRED, fieldKeys(keys), [SLICE])) as (Buffer | number)[]
      const expired: { readonly field: string; readonly ending: () => Ending }[] = []
      for (let at = 0; at + 2 < parts.length; at += 3) {
        const [name, bytes, value] = parts.slice(at, at + 3) as [Buffer, number, Buffer]
        const field = name.toString()
        expired.push({ field, ending: () => this.#ending(field, bytes, value) })
      }
      if (expired.length === 0) return
      // The oldest is given back last, and so is the first of its queue.
      expired.reverse()
      try {
        await this.#end(expired.map(({ ending }) => ending))
      } catch {
        for (const { field, ending } of expired) await this.#end([ending]).catch(() => this.#defer(field))
      }
    }
  }

  /** The same for who has other things to do: false where it could not be done now. */
  async tryGiveBack(): Promise<boolean> {
    try {
      await this.giveBackExpired()
      return true
    } catch {
      return false
    }
  }

  async #end(endings: readonly (() => Ending)[]): Promise<void> {
    await endClaims(
      this.#store,
      endings.map((ending) => ending()),
      { onlyExpired: true },
    )
  }

  #ending(field: string, bytes: number, value: Buffer): Ending {
    const end = backOrAside(this.#store.keys, takenOf(field, bytes, value), { type: 'leaseOver' })
    return { field, result: null, next: [], end }
  }

  /** Throws what is wrong with the store as a whole. */
  async #defer(field: string): Promise<void> {
    await this.#store.script(DEFER, fieldKeys(this.#store.keys), [DEFER_MS, field])
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      await this.giveBackExpired()
      if (this.#round++ % SELDOM === 0) {
        await this.#store.keepAlive()
        await restoreForeign(this.#store)
      }
    } catch {
      // The next round tries again; an error that lasts is met by whoever uses the store.
    } finally {
      this.#running = false
    }
  }
}

const EVERY_MS = 1_000
// In rounds.
const SELDOM = 60
const SLICE = 50
const DEFER_MS = 60_000
