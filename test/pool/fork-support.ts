/** What tests of forked children share. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
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

/** The `Pool` of a copy of the compiled package that `change` has changed; its argument is the copy's folder. */
export async function poolOfCopy(t: TestContext, change: (source: string) => void): Promise<typeof Pool> {
  const folder = mkdtempSync(join(tmpdir(), 'carom-copy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const source = fileURLToPath(new URL('../../src/', import.meta.url))
  cpSync(source, join(folder, 'src'), { recursive: true })
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(source, '../..', name), join(folder, name))
  change(join(folder, 'src'))
  const { Pool: Copy } = await import(pathToFileURL(join(folder, 'src/pool/index.js')).href)
  return Copy as typeof Pool
}

/** Carom's warnings from now on, until the test is over. */
export function warningsOf(t: TestContext): string[] {
  const texts: string[] = []
  const listen = ({ name, message }: Error) => {
    if (name === 'CaromWarning') texts.push(message)
  }
  process.on('warning', listen)
  t.after(() => process.off('warning', listen))
  return texts
}

/** The pid of the process that forks the pool's children. */
export async function serverOf<M>(pool: Pool<M>, processes = 1): Promise<number> {
  const [child] = await readyPids(pool, processes)
  return processFacts(child as number)?.parent as number
}

/** An empty cache of the user's, until the test is over. */
export function cacheFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-cache-'))
  const before = process.env.XDG_CACHE_HOME
  process.env.XDG_CACHE_HOME = folder
  t.after(() => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = before
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}
