/** A Redis of a test file's own, and in it a database for each test. */
import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import type { Redis } from 'ioredis'
import type { Broker, Consumer, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { parseRedisUrl } from '../../src/brokers/redis/address.ts'
import type { RedisOptions } from '../../src/brokers/redis/address-options.ts'
import { RedisStore } from '../../src/brokers/redis/store.ts'
import type { ResultBackend } from '../../src/results/backend.ts'
import { openBackend } from '../../src/results/open.ts'
import { afterwards } from '../conformance/open.ts'
import { claimCount, consumerOf, numbered } from '../conformance/store.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'

export interface RedisPlace {
  readonly server: RedisServer
  readonly url: string
  readonly broker: Broker
  readonly backend: ResultBackend
  /** To look into the database with. */
  readonly client: Redis
}

/** With a consumer that holds messages. */
export interface HoldingPlace<Ids extends readonly string[]> extends RedisPlace {
  readonly consumer: Consumer
  readonly claimed: { readonly [Nth in keyof Ids]: Delivery }
}

export interface FileRedis {
  place(t: TestContext, query?: string): Promise<RedisPlace>
  /** A place in which messages of these ids were published, and claimed in that order. */
  holding<const Ids extends readonly string[]>(t: TestContext, ids: Ids, query?: string): Promise<HoldingPlace<Ids>>
}

/** Starts the file's server, if there can be one. */
export function redisForFile(settings: readonly string[] = []): FileRedis {
  let server: RedisServer | null = null
  let db = 0
  before(async () => {
    if (noRedis === false) server = await startRedis(settings)
  })
  after(() => server?.remove())
  const place = async (t: TestContext, query = ''): Promise<RedisPlace> => {
    assert.ok(server)
    const url = server.url(db, query)
    const client = server.client(db++)
    client.on('error', () => {})
    afterwards(t, () => client.disconnect())
    const broker = await openBroker(url, { appName: 'test' })
    const backend = await openBackend(url, { appName: 'test' })
    afterwards(t, () => Promise.all([broker.close(), backend.close()]))
    return { server, url, broker, backend, client }
  }
  return {
    place,
    async holding<const Ids extends readonly string[]>(t: TestContext, ids: Ids, query?: string) {
      const opened = await place(t, query)
      const consumer = await consumerOf(opened.broker)
      await opened.broker.publish(numbered(ids))
      const claimed = await claimCount(consumer, ids.length)
      return { ...opened, consumer, claimed: claimed as unknown as HoldingPlace<Ids>['claimed'] }
    },
  }
}

/** From now on the server is beyond its memory, until the test ends or what is returned is called. */
export async function fill(t: TestContext, client: Redis): Promise<() => Promise<unknown>> {
  const empty = () => client.config('SET', 'maxmemory', '0')
  afterwards(t, empty)
  await client.config('SET', 'maxmemory', '1')
  return empty
}

/** The store behind a URL with other options than a URL may have. */
export function storeWith(t: TestContext, url: string, options: Partial<RedisOptions>): RedisStore {
  const address = parseRedisUrl(url)
  const store = new RedisStore({ ...address, options: { ...address.options, ...options } })
  afterwards(t, () => store.close())
  return store
}
