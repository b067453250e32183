/** The stores that the suites run against. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { openBackend } from '../../src/results/open.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { afterwards } from './afterwards.ts'
import { rabbitStoreFor } from './open-rabbit.ts'
import type { OpenStore, StoreTraits } from './store.ts'

export type StoreName = 'memory' | 'embedded' | 'redis' | 'amqp'
/** RabbitMQ, which takes long to start, has test files of its own. */
export const STORES: readonly StoreName[] = ['memory', 'embedded', 'redis']
/** Why the suites do not run against a store on this machine. */
export const ABSENT: Readonly<Partial<Record<StoreName, string | false>>> = { redis: noRedis }

const OWN_ORDER: StoreTraits = {
  firstPriority: 'high',
  ordersAcrossQueues: true,
  delaysAtPublish: true,
  resultsAreJson: false,
  takesSizeFromMessages: true,
  delaysInQueue: true,
  delayStepMs: 0,
  headers: 'json',
  storesResults: true,
}
const CELERYS_ON_REDIS: StoreTraits = {
  ...OWN_ORDER,
  firstPriority: 'low',
  ordersAcrossQueues: false,
  delaysAtPublish: false,
  resultsAreJson: true,
  takesSizeFromMessages: false,
}
const CELERYS_ON_RABBITMQ: StoreTraits = {
  ...OWN_ORDER,
  ordersAcrossQueues: false,
  delaysAtPublish: false,
  resultsAreJson: true,
  delaysInQueue: false,
  delayStepMs: 1_000,
  headers: 'amqp',
  storesResults: false,
}
export const TRAITS: Readonly<Record<StoreName, StoreTraits>> = {
  memory: OWN_ORDER,
  embedded: OWN_ORDER,
  redis: CELERYS_ON_REDIS,
  amqp: CELERYS_ON_RABBITMQ,
}

/** Opens a store of that kind for one test, which closes what it opened. */
export async function storeFor(t: TestContext, name: StoreName): Promise<OpenStore> {
  if (name === 'redis') return openerOf(t, (await sharedRedis()).url(nextDb++))
  if (name === 'amqp') return rabbitStoreFor(t)
  const url = name === 'memory' ? `memory:${randomUUID()}` : `embedded:${join(await folderFor(t), 'store.sqlite')}`
  return openerOf(t, url)
}

/** One server for a test file; each test has a database of its own. */
function sharedRedis(): Promise<RedisServer> {
  redis ??= startRedis()
  return redis
}

let redis: Promise<RedisServer> | null = null
let nextDb = 0
after(async () => (await redis)?.remove())

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
