/**
 * The one way to write: what is asked for in one turn of the loop shares one `BEGIN IMMEDIATE ... COMMIT`.
 *
 * - A locked file holds nobody up but those who write: the group is put back and tried again later.
 * - A change that throws takes no other with it: the group is rolled back and each of it run alone.
 * - A change that is long gives the loop a turn between its steps, its transaction staying open meanwhile.
 */
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { backoffMs } from '../../support/backoff.ts'
import type { Durability } from '../url.ts'
import { type Change, MAX_GROUP_BYTES, MAX_GROUP_ROWS } from './change.ts'
import type { Database } from './database.ts'
import { isBusy, storeError, toStoreError } from './errors.ts'

interface Job {
  readonly change: Change<unknown>
  readonly deadlineMs: number
  resolve(value: unknown): void
  reject(error: unknown): void
  value: unknown
  alone: boolean
}

export interface CommitQueueOptions {
  readonly path: string
  readonly durability: Durability
  /** How long a change is tried while others hold the file. */
  readonly busyDeadlineMs: number
  /** Called after each commit, before its changes resolve. They reject with what it throws. */
  committed(wakes: boolean): void
  /** Called with every error that is not a locked file. */
  failed(error: unknown): void
}

export class CommitQueue {
  readonly #database: Database
  readonly #options: CommitQueueOptions
  #jobs: Job[] = []
  #draining: Promise<void> | null = null
  #writing: Promise<boolean> = Promise.resolve(true)
  #inTransaction = false
  #durability: Durability
  #flushes: boolean | null = null

  constructor(database: Database, options: CommitQueueOptions) {
    this.#database = database
    this.#options = options
    this.#durability = options.durability
  }

  /** Commits are as durable as the strictest user of the store asks. */
  require(durability: Durability): void {
    if (durability === 'machine') this.#durability = durability
  }

  /** Resolves once no transaction is open: what is read inside of one may still be rolled back. */
  async betweenCommits(): Promise<void> {
    while (this.#inTransaction) await this.#writing
  }

  /** Resolves when the change is committed. */
  run<T>(change: Change<T>): Promise<T> {
    if (this.#jobs.length >= MAX_JOBS) {
      const detail = `${MAX_JOBS} changes of this process wait to be written: await them before asking for more`
      return Promise.reject(storeError('CAROM_STORE_BUSY', this.#options.path, { detail }))
    }
    return new Promise<T>((resolve, reject) => {
      const deadlineMs = performance.now() + this.#options.busyDeadlineMs
      const job = { change, deadlineMs, resolve, reject, value: undefined, alone: false }
      this.#jobs.push(job as unknown as Job)
      this.#draining ??= this.#drain()
    })
  }

  /** Resolves when nothing waits to be written. */
  async idle(): Promise<void> {
    while (this.#draining !== null) await this.#draining
  }

  /** Gives up all that waits. */
  abandon(error: unknown): void {
    for (const job of this.#jobs.splice(0)) job.reject(error)
  }

  async #drain(): Promise<void> {
    for (let attempt = 0; this.#jobs.length > 0; ) {
      await turn()
      const group = this.#takeGroup()
      if (group.length === 0) break
      this.#writing = this.#write(group)
      if (await this.#writing) {
        attempt = 0
        continue
      }
      this.#putBack(group)
      await pause(backoffMs(attempt++, BUSY_BACKOFF))
    }
    this.#draining = null
  }

  /** False when the file was locked and nothing has happened. */
  async #write(group: readonly Job[]): Promise<boolean> {
    try {
      this.#flush(group.some(({ change }) => change.durable))
      this.#database.exec('BEGIN IMMEDIATE')
      this.#inTransaction = true
      for (const job of group) job.value = await this.#perform(job.change)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#rollback()
      if (isBusy(error)) return false
      this.#blame(group, error)
      return true
    } finally {
      this.#inTransaction = false
    }
    this.#confirm(group)
    return true
  }

  async #perform(change: Change<unknown>): Promise<unknown> {
    const steps = change.steps(this.#database)
    let pauseAtMs = performance.now() + STEP_MS
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      if (performance.now() < pauseAtMs) continue
      await turn()
      pauseAtMs = performance.now() + STEP_MS
    }
  }

  /** Whether the next commit waits for the disk. A commit that does takes all earlier ones with it. */
  #flush(durable: boolean): void {
    const flushes = durable && this.#durability === 'machine'
    if (flushes === this.#flushes) return
    this.#database.exec(`PRAGMA synchronous = ${flushes ? 'FULL' : 'NORMAL'}`)
    this.#flushes = flushes
  }

  #confirm(group: readonly Job[]): void {
    try {
      this.#options.committed(group.some(({ change, value }) => change.wakes(value)))
    } catch (error) {
      for (const job of group) job.reject(error)
      return
    }
    for (const job of group) job.resolve(job.value)
  }

  /** Nothing of the group is in the file. Whose fault it was shows when each is run alone. */
  #blame(group: readonly Job[], error: unknown): void {
    const [job] = group
    if (job !== undefined && group.length === 1) {
      this.#options.failed(error)
      job.reject(toStoreError(this.#options.path, error))
      return
    }
    for (const member of group) member.alone = true
    this.#jobs.unshift(...group)
  }

  #takeGroup(): Job[] {
    let count = 0
    let rows = 0
    let bytes = 0
    for (const { change, alone } of this.#jobs) {
      rows += change.rows
      bytes += change.bytes
      if (count > 0 && (alone || rows > MAX_GROUP_ROWS || bytes > MAX_GROUP_BYTES)) break
      count++
      if (alone) break
    }
    return this.#jobs.splice(0, count)
  }

  #putBack(group: readonly Job[]): void {
    this.#jobs.unshift(...group)
    const nowMs = performance.now()
    const overdue = this.#jobs.filter(({ deadlineMs }) => deadlineMs <= nowMs)
    if (overdue.length === 0) return
    this.#jobs = this.#jobs.filter(({ deadlineMs }) => deadlineMs > nowMs)
    const error = storeError('CAROM_STORE_BUSY', this.#options.path, {
      detail: `for ${this.#options.busyDeadlineMs / 1000} s`,
    })
    for (const job of overdue) job.reject(error)
  }

  #rollback(): void {
    try {
      this.#database.exec('ROLLBACK')
    } catch {
      // Some errors, a full disk among them, have ended the transaction already; or it never began.
    }
  }
}

const MAX_JOBS = 1_000_000
const STEP_MS = 5
const BUSY_BACKOFF = { firstMs: 2, maxMs: 40 }
