/** The stores that the suites run against. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { openBackend } from '../../src/results/open.ts'
import { afterwards } from './afterwards.ts'
import { rabbitStoreFor } from './open-rabbit.ts'
import type { OpenStore, StoreTraits } from './store.ts'

export type StoreName = 'memory' | 'embedded' | 'amqp'
/** Those that need no server. A server has its own test file. */
export const STORES: readonly StoreName[] = ['memory', 'embedded']

const OWN_ORDER: StoreTraits = {
  firstPriority: 'high',
  ordersAcrossQueues: true,
  delaysAtPublish: true,
  delaysInQueue: true,
  delayStepMs: 0,
  headers: 'json',
  storesResults: true,
}
export const TRAITS: Readonly<Record<StoreName, StoreTraits>> = {
  memory: OWN_ORDER,
  embedded: OWN_ORDER,
  amqp: {
    firstPriority: 'high',
    ordersAcrossQueues: false,
    delaysAtPublish: false,
    delaysInQueue: false,
    delayStepMs: 1_000,
    headers: 'amqp',
    storesResults: false,
  },
}

/** Opens a store of that kind for one test, which closes what it opened. */
export async function storeFor(t: TestContext, name: StoreName): Promise<OpenStore> {
  if (name === 'amqp') return rabbitStoreFor(t)
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

export { afterwards } from './afterwards.ts'
