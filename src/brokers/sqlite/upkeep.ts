/**
 * Keeps the store small: results whose time is over, replies nobody fetched, consumers that never said goodbye. It
 * runs rarely, in slices, from every process that has a consumer open, or stores results for another broker.
 */
import { shortChange } from './change.ts'
import { expireChords } from './chords.ts'
import type { Database } from './database.ts'
import { expireGroups } from './groups.ts'
import { expireResults } from './results.ts'
import type { SqliteStore } from './store.ts'

export class Upkeep {
  readonly #store: SqliteStore
  readonly #owner: number | null
  readonly #resultExpiresMs: number
  readonly #timer: NodeJS.Timeout
  #running = false

  /**
   * @param owner the consumer that lives as long as this runs; `null` where there is none.
   * @param resultExpiresMs how old results may get; 0 is as old as they like.
   */
  constructor(store: SqliteStore, owner: number | null, resultExpiresMs: number) {
    this.#store = store
    this.#owner = owner
    this.#resultExpiresMs = resultExpiresMs
    // Processes that start together do not clean together.
    this.#timer = setInterval(() => this.#run(), EVERY_MS * (0.75 + Math.random() / 2)).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      const owner = this.#owner
      if (owner !== null) await this.#store.change(shortChange((database) => sayAlive(database, owner)))
      await clean(this.#store, { nowMs: Date.now(), resultExpiresMs: this.#resultExpiresMs })
    } catch {
      // The next round tries again; an error that lasts is met by whoever uses the store.
    } finally {
      this.#running = false
    }
  }
}

export interface CleanOptions {
  readonly nowMs: number
  /** 0 removes none. */
  readonly resultExpiresMs: number
}

/** Removes whatever is out of date at `nowMs`. */
export async function clean(store: SqliteStore, { nowMs, resultExpiresMs }: CleanOptions): Promise<void> {
  const beforeMs = resultExpiresMs === 0 ? 0 : nowMs - resultExpiresMs
  const slices = [
    (database: Database) => expireResults(database, beforeMs),
    (database: Database) => expireGroups(database, beforeMs),
    (database: Database) => expireChords(database, nowMs - CHORDS_EXPIRE_MS),
    (database: Database) => database.run(EXPIRE_REQUESTS, nowMs, SLICE),
    (database: Database) => database.run(EXPIRE_REPLIES, nowMs, SLICE),
    (database: Database) => database.run(REMOVE_STALE, nowMs - CONSUMER_STALE_MS),
  ]
  for (const slice of slices) {
    let removed: number
    do removed = await store.change(shortChange(slice, { rows: SLICE }))
    while (removed > 0)
  }
}

function sayAlive(database: Database, owner: number): number {
  return database.run('UPDATE consumer SET seen_ms = ? WHERE id = ?', Date.now(), owner)
}

const EVERY_MS = 60_000
const CHORDS_EXPIRE_MS = 24 * 3600 * 1000
const CONSUMER_STALE_MS = 24 * 3600 * 1000
const SLICE = 200

const EXPIRE_REQUESTS = 'DELETE FROM request WHERE seq IN (SELECT seq FROM request WHERE expires_ms < ? LIMIT ?)'
const EXPIRE_REPLIES = `DELETE FROM reply WHERE (request_id, node) IN
  (SELECT request_id, node FROM reply WHERE expires_ms < ? LIMIT ?)`
// One that has claims keeps its row: its process may yet be found dead.
const REMOVE_STALE = `DELETE FROM consumer WHERE seen_ms < ?
  AND id NOT IN (SELECT owner FROM place WHERE token IS NOT NULL)`
