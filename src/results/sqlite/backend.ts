import { setImmediate as turn } from 'node:timers/promises'
import { type Change, shortChange, stepPerItem } from '../../brokers/sqlite/change.ts'
import { closeChord, joinChord, openChord } from '../../brokers/sqlite/chords.ts'
import type { Database } from '../../brokers/sqlite/database.ts'
import { forgetGroup, loadGroup, saveGroup } from '../../brokers/sqlite/groups.ts'
import { acquireStore, releaseStore, type StoreOptions } from '../../brokers/sqlite/open-stores.ts'
import {
  forgetResult,
  lastResult,
  loadResults,
  MAX_NEWER,
  newerResults,
  saveResult,
} from '../../brokers/sqlite/results.ts'
import type { SqliteStore } from '../../brokers/sqlite/store.ts'
import { Upkeep } from '../../brokers/sqlite/upkeep.ts'
import { CaromError } from '../../errors.ts'
import type { ResultBackend, WaitSignal } from '../backend.ts'
import type { ChordReport, ChordSize, CompleteChord } from '../chord.ts'
import type { ResultMeta } from '../meta.ts'
import type { SavedGroup } from '../saved-group.ts'
import { ResultWaiters } from '../waiters.ts'

export async function openSqliteBackend(options: StoreOptions): Promise<ResultBackend> {
  return new SqliteBackend(await acquireStore(options), options.resultExpiresMs ?? 0)
}

class SqliteBackend implements ResultBackend {
  readonly store: string
  readonly #store: SqliteStore
  readonly #waiters = new ResultWaiters()
  /** Tasks whose waiting has just begun: they are looked up once, and from then on found among the newer results. */
  #begun: string[] = []
  #wake: (() => void) | null = null
  readonly #expiresMs: number
  /** From the first result on that is stored here: where the store is the broker's too, its consumers do it. */
  #upkeep: Upkeep | null = null
  #closed = false

  constructor(store: SqliteStore, expiresMs: number) {
    this.store = store.name
    this.#expiresMs = expiresMs
    this.#store = store
  }

  async save(metas: readonly ResultMeta[]): Promise<void> {
    this.#assertOpen()
    this.#upkeep ??= new Upkeep(this.#store, null, this.#expiresMs)
    await this.#store.change({
      rows: metas.length,
      bytes: metas.reduce((sum, { result }) => sum + result.byteLength, 0),
      wakes: () => true,
      durable: true,
      steps: (database) => stepPerItem(metas, (meta) => saveResult(database, meta, Date.now())),
    })
  }

  async load(taskIds: readonly string[]): Promise<(ResultMeta | null)[]> {
    this.#assertOpen()
    // A turn of the loop: who asks in a circle must not keep everybody else from running.
    await turn()
    return this.#load(taskIds)
  }

  async wait(taskId: string, { signal }: { readonly signal: WaitSignal }): Promise<ResultMeta> {
    this.#assertOpen()
    if (signal.aborted) throw signal.reason
    const waiting = this.#waiters.add(taskId, signal)
    this.#begun.push(taskId)
    if (this.#wake === null) this.#follow().catch((error: unknown) => this.#waiters.rejectAll(error))
    else this.#wake()
    return waiting
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    this.#assertOpen()
    await this.#store.change(durably(taskIds, forgetResult))
  }

  async saveGroup(group: SavedGroup): Promise<void> {
    this.#assertOpen()
    await this.#store.change(durably([group], (database) => saveGroup(database, group, Date.now())))
  }

  async loadGroup(groupId: string): Promise<SavedGroup | null> {
    this.#assertOpen()
    return this.#store.read((database) => loadGroup(database, groupId))
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.#assertOpen()
    await this.#store.change(durably([groupId], forgetGroup))
  }

  async openChords(chords: readonly ChordSize[]): Promise<void> {
    this.#assertOpen()
    await this.#store.change(durably(chords, (database, chord) => openChord(database, chord, Date.now())))
  }

  async joinChord(report: ChordReport): Promise<CompleteChord | null> {
    this.#assertOpen()
    return this.#store.change({
      ...shortChange((database) => joinChord(database, report, Date.now()), { durable: true }),
      bytes: report.part.result.byteLength,
    })
  }

  async closeChords(groupIds: readonly string[]): Promise<void> {
    this.#assertOpen()
    await this.#store.change(durably(groupIds, closeChord))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#upkeep?.stop()
    this.#waiters.rejectAll(this.#closedError())
    this.#wake?.()
    await releaseStore(this.#store)
  }

  /** One for all who wait: reads each result that is saved while somebody waits, and no other. */
  async #follow(): Promise<void> {
    const ear = this.#store.bell.listen({ holds: false })
    this.#wake = () => ear.ring()
    try {
      let last = await this.#store.read(lastResult)
      while (this.#waiters.size > 0) {
        const newer = await this.#store.read((database) => newerResults(database, last))
        last = newer.at(-1)?.seq ?? last
        const saved = newer.map(({ taskId }) => taskId)
        const asked = [...this.#begun.splice(0), ...saved].filter((taskId) => this.#waiters.has(taskId))
        for (const meta of await this.#load(asked)) if (meta !== null) this.#waiters.deliver(meta)
        if (newer.length < MAX_NEWER && this.#begun.length === 0) await ear.heard({ signal: NEVER, atMs: null })
      }
    } finally {
      this.#wake = null
      ear.close()
    }
  }

  async #load(taskIds: readonly string[]): Promise<(ResultMeta | null)[]> {
    const metas: (ResultMeta | null)[] = []
    while (metas.length < taskIds.length) {
      const slice = taskIds.slice(metas.length, metas.length + LOAD_SLICE)
      metas.push(...(await this.#store.read((database) => loadResults(database, slice))))
    }
    return metas
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#closedError()
  }

  #closedError(): CaromError {
    return new CaromError('CAROM_STORE_CLOSED', `This result backend on ${this.store} was closed`)
  }
}

/** A change for which nobody waits. */
function durably<T>(items: readonly T[], step: (database: Database, item: T) => void): Change<unknown> {
  const steps = (database: Database) => stepPerItem(items, (item) => step(database, item))
  return { rows: items.length, bytes: 0, wakes: () => false, durable: true, steps }
}

const NEVER = new AbortController().signal
const LOAD_SLICE = 200
