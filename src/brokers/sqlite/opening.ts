/** Opens the file of a store, and makes it where there is none; many processes may do so at the same moment. */
import { accessSync, closeSync, constants, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { backoffMs } from '../../support/backoff.ts'
import { type Database, openDatabase } from './database.ts'
import { isBusy, storeError, toStoreError } from './errors.ts'
import { createSchema, isReady } from './schema.ts'

/**
 * Makes folder (0700) and file (0600) where they are missing, and gives the file's real path.
 *
 * @throws CaromError `CAROM_STORE_UNAVAILABLE`, `CAROM_STORE_READ_ONLY`, `CAROM_STORE_FULL`
 */
export function prepareFile(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    createFile(path)
    // SQLite opens a file that it may only read without a word, and refuses the first write.
    accessSync(path, constants.R_OK | constants.W_OK)
    return realpathSync(path)
  } catch (error) {
    throw toStoreError(path, error)
  }
}

/** Opens the prepared file at `path`. Tries for `withinMs` while others hold it. */
export async function openFile(path: string, options: { readonly withinMs: number }): Promise<Database> {
  const deadlineMs = performance.now() + options.withinMs
  for (let attempt = 0; ; attempt++) {
    try {
      return tryOpen(path)
    } catch (error) {
      if (!isBusy(error)) throw toStoreError(path, error)
      if (performance.now() > deadlineMs) throw storeError('CAROM_STORE_BUSY', path, { cause: error })
      await pause(backoffMs(attempt, OPEN_BACKOFF))
    }
  }
}

// Only if it is missing. SQLite would make it for everybody to read. A file that is there must not be opened here:
// closing it again would drop the locks that SQLite holds on it in this process.
function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function tryOpen(path: string): Database {
  const database = openDatabase(path)
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
    // Before the journal mode is set: it would be written into another application's file.
    const ready = isReady(database, path)
    database.all('PRAGMA journal_mode = WAL')
    database.all(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    database.all(`PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`)
    if (!ready) create(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function create(database: Database, path: string): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    createSchema(database, path)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

// SQLite sleeps this long at most, and the loop with it. It is enough for the commit of another process that is just
// ending; who has to wait longer tries again without holding the loop.
const BUSY_TIMEOUT_MS = 3
// While several processes read and write, the WAL can seldom start anew, and beyond this size every commit moves pages
// into the file: with SQLite's default of 1000 that took a third of the throughput, and single commits 100 ms. It is
// the most that one commit moves, about 40 ms of work where all pages differ.
const CHECKPOINT_PAGES = 4_000
// After a burst the WAL is cut to this size again.
const WAL_LIMIT_BYTES = 32 * 1024 * 1024
const OPEN_BACKOFF = { firstMs: 4, maxMs: 50 }
