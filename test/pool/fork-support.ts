/** What tests of forked children share. */
import type { TestContext } from 'node:test'
import { findAddon } from '../../src/native/addon.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import type { Pool } from '../../src/pool/pool.ts'
import { processFacts } from './proc.ts'
import { fixture, openPool, readyPids } from './real-pool.ts'

const found = findAddon()

/** Why nothing can be forked here; false if it can. */
export const skip = found.addon === null ? found.reason : false

/** A pool of one forked child that runs `fixtures/NAME`, with other fixtures loaded before. */
export function openForking<M>(
  t: TestContext,
  name: string,
  { preload = [], ...options }: Omit<Partial<PoolOptions>, 'preload'> & { readonly preload?: readonly string[] } = {},
): Pool<M> {
  return openPool<M>(t, name, { startMethod: 'fork', preload: preload.map(fixture), ...options })
}

/** The pid of the process that forks the pool's children. */
export async function serverOf<M>(pool: Pool<M>, processes = 1): Promise<number> {
  const [child] = await readyPids(pool, processes)
  return processFacts(child as number)?.parent as number
}
