import { setImmediate as turn } from 'node:timers/promises'
import {
  acquireMemoryStore,
  type MemoryAddress,
  type MemoryStore,
  releaseMemoryStore,
} from '../../brokers/memory/store.ts'
import { CaromError } from '../../errors.ts'
import type { ResultBackend, WaitSignal } from '../backend.ts'
import type { ChordReport, ChordSize, CompleteChord } from '../chord.ts'
import { isReady, type ResultMeta } from '../meta.ts'
import type { SavedGroup } from '../saved-group.ts'
import { ResultWaiters } from '../waiters.ts'

export async function openMemoryBackend({ name, resultExpiresMs }: MemoryAddress): Promise<ResultBackend> {
  return new MemoryBackend(acquireMemoryStore(name), resultExpiresMs)
}

class MemoryBackend implements ResultBackend {
  readonly store: string
  readonly #store: MemoryStore
  readonly #expiresMs: number
  readonly #waiters = new ResultWaiters()
  readonly #deliver = (meta: ResultMeta) => this.#waiters.deliver(meta)
  #closed = false

  constructor(store: MemoryStore, expiresMs: number) {
    this.store = store.name
    this.#expiresMs = expiresMs
    this.#store = store
    store.resultListeners.add(this.#deliver)
  }

  async save(metas: readonly ResultMeta[]): Promise<void> {
    this.#assertOpen()
    for (const meta of metas) this.#store.save(meta, this.#expiresMs)
  }

  async load(taskIds: readonly string[]): Promise<(ResultMeta | null)[]> {
    this.#assertOpen()
    // A turn of the loop: who asks in a circle must not keep everybody else from running.
    await turn()
    return taskIds.map((taskId) => this.#store.load(taskId))
  }

  async wait(taskId: string, { signal }: { readonly signal: WaitSignal }): Promise<ResultMeta> {
    this.#assertOpen()
    if (signal.aborted) throw signal.reason
    const meta = this.#store.load(taskId)
    return meta !== null && isReady(meta.status) ? meta : this.#waiters.add(taskId, signal)
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    this.#assertOpen()
    for (const taskId of taskIds) this.#store.forget(taskId)
  }

  async saveGroup(group: SavedGroup): Promise<void> {
    this.#assertOpen()
    this.#store.groups.set(group.groupId, structuredClone(group), this.#expiresMs)
  }

  async loadGroup(groupId: string): Promise<SavedGroup | null> {
    this.#assertOpen()
    return this.#store.groups.get(groupId) ?? null
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.#assertOpen()
    this.#store.groups.delete(groupId)
  }

  async openChords(chords: readonly ChordSize[]): Promise<void> {
    this.#assertOpen()
    for (const chord of chords) this.#store.chords.open(chord)
  }

  async joinChord(report: ChordReport): Promise<CompleteChord | null> {
    this.#assertOpen()
    return this.#store.chords.join(report)
  }

  async closeChords(groupIds: readonly string[]): Promise<void> {
    this.#assertOpen()
    for (const groupId of groupIds) this.#store.chords.close(groupId)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#store.resultListeners.delete(this.#deliver)
    this.#waiters.rejectAll(this.#closedError())
    releaseMemoryStore(this.#store)
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#closedError()
  }

  #closedError(): CaromError {
    return new CaromError('CAROM_STORE_CLOSED', `This result backend on ${this.store} was closed`)
  }
}
