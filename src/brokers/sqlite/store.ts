/** One open store file: its database, its queue of commits, and what wakes those who wait for it. */
import { statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { backoffMs } from '../../support/backoff.ts'
import { Bell } from '../bell.ts'
import type { Durability } from '../url.ts'
import { type Change, shortChange } from './change.ts'
import { ClockWatch } from './clock-watch.ts'
import { CommitQueue } from './commit-queue.ts'
import { CommitWatch, touch } from './commit-watch.ts'
import type { Database } from './database.ts'
import { isBusy, isFatal, storeError, toStoreError } from './errors.ts'
import { deadOwners, removeOwners } from './owners.ts'
import { restartLeases } from './places.ts'

export interface StoreParts {
  readonly path: string
  readonly database: Database
  readonly durability: Durability
  /** How long a read or write is tried while another process keeps the file locked. */
  readonly busyDeadlineMs: number
}

export class SqliteStore {
  readonly path: string
  readonly name: string
  /** Rings when something was committed that others may wait for, in this process or another. */
  readonly bell = new Bell(() => this.#watch.start())
  readonly #database: Database
  readonly #queue: CommitQueue
  readonly #watch: CommitWatch
  readonly #clock = new ClockWatch()
  readonly #busyDeadlineMs: number
  readonly #inode: string | null
  #seenVersion = 0
  #failure: unknown = null

  constructor({ path, database, durability, busyDeadlineMs }: StoreParts) {
    this.path = path
    this.name = `embedded:${path}`
    this.#database = database
    this.#busyDeadlineMs = busyDeadlineMs
    this.#inode = inodeOf(path)
    this.#queue = new CommitQueue(database, {
      path,
      durability,
      busyDeadlineMs,
      committed: (wakes) => this.#committed(wakes),
      failed: (error) => {
        if (isFatal(error)) this.#fail(toStoreError(path, error))
      },
    })
    this.#watch = new CommitWatch({ path, touched: () => this.#look(), check: () => this.#check() })
  }

  /** Whether it can still be used; once it cannot, every call and wait rejects with the reason. */
  isUsable(): boolean {
    this.#checkFile()
    return this.#failure === null
  }

  /** Looks something up. Sees what is committed and nothing else. */
  async read<T>(query: (database: Database) => T): Promise<T> {
    const deadlineMs = performance.now() + this.#busyDeadlineMs
    for (let attempt = 0; ; attempt++) {
      await this.#queue.betweenCommits()
      if (!this.isUsable()) throw this.#failure
      try {
        return query(this.#database)
      } catch (error) {
        if (isFatal(error)) this.#fail(toStoreError(this.path, error))
        // Only while another process recovers the file after a crash.
        if (!isBusy(error) || performance.now() > deadlineMs) throw toStoreError(this.path, error)
      }
      await pause(backoffMs(attempt, READ_BACKOFF))
    }
  }

  /** Makes a change and resolves when it is durable. */
  async change<T>(change: Change<T>): Promise<T> {
    if (this.#failure !== null) throw this.#failure
    return this.#queue.run(change)
  }

  /** Before anything is given back because its time is over: after a jump of the clock all leases start anew. */
  async restartLeasesAfterJump(): Promise<void> {
    if (!this.#clock.hasJumped()) return
    await this.change(shortChange((database) => restartLeases(database, Date.now()), { wakes: () => true }))
    this.#clock.trust()
  }

  /** Commits are as durable as the strictest user of the store asks. */
  require(durability: Durability): void {
    this.#queue.require(durability)
  }

  async close(): Promise<void> {
    await this.#queue.idle()
    this.#failure ??= storeError('CAROM_STORE_CLOSED', this.path)
    this.#watch.stop()
    this.#database.close()
  }

  #committed(wakes: boolean): void {
    if (!this.isUsable()) throw this.#failure
    if (!wakes) return
    touch(this.path)
    this.bell.ring()
  }

  /** True when another connection has committed since the last call. */
  #foreignCommit(): boolean {
    const [version = 0] = this.#database.all<[number]>('PRAGMA data_version')[0] ?? []
    const changed = version !== this.#seenVersion
    this.#seenVersion = version
    return changed
  }

  #look(): void {
    try {
      if (this.isUsable() && this.#foreignCommit()) this.bell.ring()
    } catch {
      // Whoever waits looks for itself, and gets the error.
      this.bell.ring()
    }
  }

  /** The slow check. Ends with the last listener, so that an idle store does nothing at all. */
  #check(): boolean {
    this.#look()
    if (!this.bell.listening || this.#failure !== null) return false
    // The next check tries again; an error that lasts is met by whoever waits.
    this.#free().catch(() => {})
    return true
  }

  /** Gives back what the dead have claimed, and starts leases anew where the clock was set. */
  async #free(): Promise<void> {
    const dead = await this.read(deadOwners)
    if (dead.length > 0) await this.change(removeOwners(dead))
    await this.restartLeasesAfterJump()
  }

  #checkFile(): void {
    if (this.#failure !== null) return
    const inode = inodeOf(this.path)
    if (inode !== null && inode !== this.#inode) this.#fail(storeError('CAROM_STORE_GONE', this.path))
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#queue.abandon(this.#failure)
    this.#watch.stop()
    // Those who wait look again, and get the failure.
    this.bell.ring()
  }
}

/** `null` where that cannot be told. */
function inodeOf(path: string): string | null {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat === undefined ? 'none' : `${stat.dev}:${stat.ino}`
  } catch {
    return null
  }
}

const READ_BACKOFF = { firstMs: 2, maxMs: 40 }
