/** The stores that this process has open, one per URL: its brokers and result backends share the connections. */
import type { RedisAddress } from './address.ts'
import { RedisStore } from './store.ts'

/** Opens the store of that address, or gives the one that is open; every one needs its {@link releaseStore}. */
export async function acquireStore(address: RedisAddress): Promise<RedisStore> {
  const key = JSON.stringify(address)
  const shared = OPEN.get(key) ?? { key, users: 0, store: new RedisStore(address) }
  OPEN.set(key, shared)
  shared.users++
  try {
    await shared.store.open()
    return shared.store
  } catch (error) {
    release(shared)
    throw error
  }
}

/** It closes with its last user. */
export function releaseStore(store: RedisStore): void {
  for (const shared of OPEN.values()) if (shared.store === store) return release(shared)
}

interface Shared {
  readonly key: string
  readonly store: RedisStore
  users: number
}

function release(shared: Shared): void {
  if (--shared.users > 0) return
  OPEN.delete(shared.key)
  shared.store.close()
}

const OPEN = new Map<string, Shared>()
