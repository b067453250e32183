/**
 * Tells of commits that other processes made, in milliseconds and without polling: whoever commits something that
 * others may wait for touches the database file afterwards, and a watch on its folder sees that. Behind it a slow
 * check, for folders that cannot be watched and for whatever else a watch may miss.
 *
 * The touch comes after the commit on purpose. Watching the WAL itself wakes before the commit can be seen.
 */
import { type FSWatcher, utimesSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

export interface CommitWatchOptions {
  readonly path: string
  /** The file was touched, or something happened to its name. */
  touched(): void
  /** Called about every second while watching; false ends the watching. */
  check(): boolean
}

export class CommitWatch {
  readonly #options: CommitWatchOptions
  #watcher: FSWatcher | null = null
  #timer: NodeJS.Timeout | null = null
  #pending = false

  constructor(options: CommitWatchOptions) {
    this.#options = options
  }

  /** Starts if it does not run. Neither watch nor timer keeps the process alive. */
  start(): void {
    if (this.#timer !== null) return
    this.#watcher = this.#watch()
    const everyMs = this.#watcher === null ? UNWATCHED_CHECK_MS : CHECK_MS
    this.#timer = setInterval(() => {
      if (!this.#options.check()) this.stop()
    }, everyMs).unref()
  }

  stop(): void {
    this.#watcher?.close()
    this.#watcher = null
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #watch(): FSWatcher | null {
    const name = basename(this.#options.path)
    try {
      const watcher = watch(dirname(this.#options.path), { persistent: false }, (_event, file) => {
        if (file === name || file === null) this.#touchedSoon()
      })
      watcher.on('error', () => watcher.close())
      return watcher
    } catch {
      // No watches left on this machine, or a file system that has none.
      return null
    }
  }

  /** Many commits of one turn are one call. */
  #touchedSoon(): void {
    if (this.#pending) return
    this.#pending = true
    setImmediate(() => {
      this.#pending = false
      this.#options.touched()
    })
  }
}

/** Says to all other processes that something was committed. */
export function touch(path: string): void {
  const now = new Date()
  try {
    // By name: to open the file here would, when closed, drop the locks that SQLite holds on it.
    utimesSync(path, now, now)
  } catch {
    // Not our file, or gone: the slow check of the others finds the commit, and ours that the file is gone.
  }
}

const CHECK_MS = 1_000
const UNWATCHED_CHECK_MS = 100
