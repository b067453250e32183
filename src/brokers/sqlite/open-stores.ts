/** The stores that this process has open, one per file: its brokers and result backends share them. */
import type { Durability } from '../url.ts'
import { openFile, prepareFile } from './opening.ts'
import { SqliteStore } from './store.ts'

export interface StoreOptions {
  readonly path: string
  readonly durability: Durability
  /** How long a result is kept by whoever cleans up; 0 is for ever. @default 0 */
  readonly resultExpiresMs?: number
  /** How long a read or write is tried while another process keeps the file locked. @default 30000 */
  readonly busyDeadlineMs?: number
}

/**
 * Opens the file, or gives the store that is open; every one needs its {@link releaseStore}.
 *
 * @throws CaromError `CAROM_STORE_...`
 */
export async function acquireStore(options: StoreOptions): Promise<SqliteStore> {
  for (;;) {
    const path = prepareFile(options.path)
    const shared = OPEN.get(path) ?? { path, users: 0, opening: open(path, options) }
    OPEN.set(path, shared)
    shared.users++
    const store = await shared.opening.catch((error: unknown) => {
      forget(shared)
      throw error
    })
    USED.set(store, shared)
    if (store.isUsable()) {
      store.require(options.durability)
      return store
    }
    // What others here still hold was closed meanwhile, or its file is gone: open what lies there now.
    forget(shared)
    await releaseStore(store)
  }
}

/** The file closes with its last user. */
export async function releaseStore(store: SqliteStore): Promise<void> {
  const shared = USED.get(store)
  if (shared === undefined || --shared.users > 0) return
  forget(shared)
  USED.delete(store)
  await store.close()
}

interface Shared {
  readonly path: string
  users: number
  readonly opening: Promise<SqliteStore>
}

async function open(path: string, options: StoreOptions): Promise<SqliteStore> {
  const { durability, busyDeadlineMs = BUSY_DEADLINE_MS } = options
  const database = await openFile(path, { withinMs: busyDeadlineMs })
  return new SqliteStore({ path, database, durability, busyDeadlineMs })
}

function forget(shared: Shared): void {
  if (OPEN.get(shared.path) === shared) OPEN.delete(shared.path)
}

const OPEN = new Map<string, Shared>()
const USED = new WeakMap<SqliteStore, Shared>()
const BUSY_DEADLINE_MS = 30_000
