import type { RedisAddress } from '../../brokers/redis/address.ts'
import { groupText, readGroup } from '../../brokers/redis/group-text.ts'
import { acquireStore, releaseStore } from '../../brokers/redis/open-stores.ts'
import { readResult, resultText } from '../../brokers/redis/result-text.ts'
import { SAVE } from '../../brokers/redis/settle-script.ts'
import type { RedisStore } from '../../brokers/redis/store.ts'
import { CaromError } from '../../errors.ts'
import type { ResultBackend, WaitSignal } from '../backend.ts'
import type { ChordReport, ChordSize, CompleteChord } from '../chord.ts'
import type { ResultMeta } from '../meta.ts'
import type { SavedGroup } from '../saved-group.ts'
import { ResultWaiters } from '../waiters.ts'
import { ResultChannels } from './channels.ts'
import { closeChords, joinChord, openChords } from './chords.ts'

export async function openRedisBackend(address: RedisAddress): Promise<ResultBackend> {
  return new RedisBackend(await acquireStore(address))
}

class RedisBackend implements ResultBackend {
  readonly store: string
  readonly #store: RedisStore
  readonly #waiters = new ResultWaiters((taskId) => this.#channels.end(taskId))
  readonly #channels: ResultChannels
  #closed = false

  constructor(store: RedisStore) {
    this.store = store.name
    this.#store = store
    this.#channels = new ResultChannels(store, {
      waitsFor: (taskId) => this.#waiters.has(taskId),
      found: (meta) => this.#waiters.deliver(meta),
      load: (taskIds) => this.#load(taskIds),
    })
  }

  async save(metas: readonly ResultMeta[]): Promise<void> {
    this.#assertOpen()
    const { keys, address } = this.#store
    const written = metas.map((meta) => ({ key: keys.result(meta.taskId), text: resultText(meta) }))
    for (const step of stepsOf(written)) {
      const texts = step.map(({ text }) => text)
      await this.#store.script(
        SAVE,
        step.map(({ key }) => key),
        [address.options.resultExpiresMs, ...texts],
      )
    }
  }

  async load(taskIds: readonly string[]): Promise<(ResultMeta | null)[]> {
    this.#assertOpen()
    return this.#load(taskIds)
  }

  wait(taskId: string, { signal }: { readonly signal: WaitSignal }): Promise<ResultMeta> {
    if (this.#closed) return Promise.reject(this.#closedError())
    const waiting = this.#waiters.add(taskId, signal)
    if (!signal.aborted) this.#channels.begin(taskId)
    return waiting
  }

  async forget(taskIds: readonly string[]): Promise<void> {
    this.#assertOpen()
    const keys = taskIds.map((taskId) => this.#store.keys.result(taskId))
    for (let at = 0; at < keys.length; at += SLICE) {
      await this.#store.run((client) => client.unlink(...keys.slice(at, at + SLICE)))
    }
  }

  async saveGroup(group: SavedGroup): Promise<void> {
    this.#assertOpen()
    const { keys, address } = this.#store
    const key = keys.chord(group.groupId).group
    const lifetime = address.options.resultExpiresMs === 0 ? [] : (['PX', address.options.resultExpiresMs] as const)
    await this.#store.run((client) => client.call('SET', key, groupText(group), ...lifetime))
  }

  async loadGroup(groupId: string): Promise<SavedGroup | null> {
    this.#assertOpen()
    const text = await this.#store.run((client) => client.getBuffer(this.#store.keys.chord(groupId).group))
    return text === null ? null : readGroup(text)
  }

  async forgetGroup(groupId: string): Promise<void> {
    this.#assertOpen()
    await this.#store.run((client) => client.unlink(this.#store.keys.chord(groupId).group))
  }

  async openChords(chords: readonly ChordSize[]): Promise<void> {
    this.#assertOpen()
    await openChords(this.#store, chords)
  }

  async joinChord(report: ChordReport): Promise<CompleteChord | null> {
    this.#assertOpen()
    return joinChord(this.#store, report)
  }

  async closeChords(groupIds: readonly string[]): Promise<void> {
    this.#assertOpen()
    await closeChords(this.#store, groupIds)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#waiters.rejectAll(this.#closedError())
    this.#channels.close()
    releaseStore(this.#store)
  }

  async #load(taskIds: readonly string[]): Promise<(ResultMeta | null)[]> {
    const metas: (ResultMeta | null)[] = []
    for (let at = 0; at < taskIds.length; at += SLICE) {
      const slice = taskIds.slice(at, at + SLICE)
      const keys = slice.map((taskId) => this.#store.keys.result(taskId))
      const texts = await this.#store.run((client) => client.mgetBuffer(...keys))
      for (const [index, text] of texts.entries()) {
        metas.push(text === null ? null : readResult(slice[index] as string, text))
      }
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

interface Written {
  readonly key: string
  readonly text: string
}

function stepsOf(written: readonly Written[]): Written[][] {
  const steps: Written[][] = []
  let bytes = 0
  for (const one of written) {
    const step = steps.at(-1)
    bytes += one.text.length
    // Within a step a key may come again: the later one counts, as everywhere.
    if (step !== undefined && step.length < SLICE && bytes <= MAX_BYTES) step.push(one)
    else {
      steps.push([one])
      bytes = one.text.length
    }
  }
  return steps
}

const SLICE = 200
const MAX_BYTES = 4 * 1024 * 1024
