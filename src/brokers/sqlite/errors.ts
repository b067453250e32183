/** What SQLite's and the file system's errors mean to the user of a store, and what can be done about them. */
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { CaromError, type CaromErrorCode } from '../../errors.ts'
import { resultCode } from './database.ts'

export function isBusy(error: unknown): boolean {
  const code = primary(resultCode(error))
  return code === BUSY || code === LOCKED
}

/**
 * Whether nothing of this connection can be relied on any more. After a failed fsync nobody knows what is on the disk,
 * and a second one may succeed without it.
 */
export function isFatal(error: unknown): boolean {
  const code = resultCode(error)
  return code === IOERR_FSYNC || code === IOERR_DIR_FSYNC || primary(code) === CORRUPT || primary(code) === NOTADB
}

/** The CaromError that says what happened to the store at `path`; what is no error of a store comes back as it is. */
export function toStoreError(path: string, error: unknown): unknown {
  if (error instanceof CaromError) return error
  const found = ofSqlite(path, resultCode(error)) ?? ofFileSystem((error as NodeJS.ErrnoException | null)?.code)
  if (found === null) return error
  return storeError(found, path, { cause: error })
}

export function storeError(
  code: StoreErrorCode,
  path: string,
  facts: { readonly cause?: unknown; readonly detail?: string } = {},
): CaromError {
  const [what, wayOut] = WORDS[code]
  const { cause, detail } = facts
  const said = detail ?? (cause instanceof Error ? cause.message : '')
  return new CaromError(code, `The store ${path} ${what}${said === '' ? '' : ` (${said})`}: ${wayOut}`, { cause, path })
}

type StoreErrorCode = Extract<CaromErrorCode, `CAROM_STORE_${string}`>

const WORDS: Record<StoreErrorCode, readonly [string, string]> = {
  CAROM_STORE_BUSY: [
    'could not be written, since another process kept it locked',
    'find that process ("fuser" with the path names it), end it or its transaction, and try again',
  ],
  CAROM_STORE_CLOSED: ['was closed', 'open it again'],
  CAROM_STORE_CORRUPT: [
    'is damaged or no SQLite file',
    'move it and its -wal and -shm files away, so that a new one is made; "sqlite3 FILE .recover" saves what it can',
  ],
  CAROM_STORE_FULL: ['found no space on its disk', 'free some; nothing is lost, and the store then goes on by itself'],
  CAROM_STORE_GONE: [
    'was deleted or replaced while it was open',
    'restart this process, so that it opens the file that is there now',
  ],
  CAROM_STORE_READ_ONLY: [
    'may not be written by this process',
    'give its user write permission on the file and on its folder, or name another path: embedded:PATH',
  ],
  CAROM_STORE_UNAVAILABLE: [
    'could not be opened or read',
    'check that its folder is there and that no other program owns the file, or name another path: embedded:PATH',
  ],
}

function ofSqlite(path: string, code: number | null): StoreErrorCode | null {
  if (code === null) return null
  if (code === IOERR_SHMSIZE) return 'CAROM_STORE_FULL'
  switch (primary(code)) {
    case BUSY:
    case LOCKED:
      return 'CAROM_STORE_BUSY'
    case PERM:
    case READONLY:
      return 'CAROM_STORE_READ_ONLY'
    case CORRUPT:
    case NOTADB:
      return 'CAROM_STORE_CORRUPT'
    case FULL:
      return 'CAROM_STORE_FULL'
    case CANTOPEN:
      return mayUse(path) ? 'CAROM_STORE_UNAVAILABLE' : 'CAROM_STORE_READ_ONLY'
    case IOERR:
      return 'CAROM_STORE_UNAVAILABLE'
    default:
      // A constraint or a malformed statement: ours to repair, not the user's.
      return null
  }
}

function ofFileSystem(code: string | undefined): StoreErrorCode | null {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'CAROM_STORE_FULL'
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return 'CAROM_STORE_READ_ONLY'
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? 'CAROM_STORE_UNAVAILABLE' : null
}

/** SQLite does not tell a file that is not there from one that it may not use. */
function mayUse(path: string): boolean {
  const { R_OK, W_OK, X_OK } = constants
  const files = [path, `${path}-wal`, `${path}-shm`]
  return isAllowed(dirname(path), W_OK | X_OK) && files.every((file) => isAllowed(file, R_OK | W_OK))
}

function isAllowed(file: string, mode: number): boolean {
  try {
    accessSync(file, mode)
    return true
  } catch (error) {
    return ofFileSystem((error as NodeJS.ErrnoException).code) !== 'CAROM_STORE_READ_ONLY'
  }
}

function primary(code: number | null): number | null {
  return code === null ? null : code & 0xff
}

const PERM = 3
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26
const IOERR_FSYNC = 1034
const IOERR_DIR_FSYNC = 1290
const IOERR_SHMSIZE = 4874
