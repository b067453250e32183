/** The stores that the suites run against. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { openBackend } from '../../src/results/open.ts'
import type { OpenStore, StoreTraits } from './store.ts'

export type StoreName = 'memory' | 'embedded'
export const STORES: readonly StoreName[] = ['memory', 'embedded']

const OWN_ORDER: StoreTraits = {
  firstPriority: 'high',
  ordersAcrossQueues: true,
  delaysAtPublish: true,
  takesSizeFromMessages: true,
}
export const TRAITS: Readonly<Record<StoreName, StoreTraits>> = { memory: OWN_ORDER, embedded: OWN_ORDER }

/** Opens a store of that kind for one test, which closes what it opened. */
export async function storeFor(t: TestContext, name: StoreName): Promise<OpenStore> {
  const url = name === 'memory' ? `memory:${randomUUID()}` : `embedded:${join(await folderFor(t), 'store.sqlite')}`
  return openerOf(t, url)
}

/** Opens the store of `url`, again and again, for one test, which closes what it opened. */
export function openerOf(t: TestContext, url: string): OpenStore {
  return async () => {
    const broker = await openBroker(url, { appName: 'test' })
    const backend = await openBackend(url, { appName: 'test' })
    afterwards(t, () => Promise.all([broker.close(), backend.close()]))
    return { broker, backend }
  }
}

/** An empty folder that is removed after the test. */
export async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carom-store-'))
  afterwards(t, () => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** Runs `release` after the test, the last one first: a store is closed before its folder goes. */
export function afterwards(t: TestContext, release: () => unknown): void {
  const known = RELEASES.get(t)
  if (known !== undefined) {
    known.push(release)
    return
  }
  const releases = [release]
  RELEASES.set(t, releases)
  t.after(async () => {
    for (const next of releases.reverse()) await next()
  })
}

const RELEASES = new WeakMap<TestContext, (() => unknown)[]>()
