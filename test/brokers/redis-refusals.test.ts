/** A Redis that cannot write its snapshot, one that still loads its data, and one that is a node of a cluster. */
import assert from 'node:assert/strict'
import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import { openBroker } from '../../src/brokers/open.ts'
import { openBackend } from '../../src/results/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { acked, claimOne, consumerOf, idsOf, meta, numbered, outgoing, released } from '../conformance/store.ts'
import { freePort, noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { claimAll } from './claim-all.ts'

const options = { skip: noRedis, timeout: 30_000 }
// 1.5 ms for each key; meanwhile it looks at its connections often.
const LOADS_SLOWLY = [
  '--appendonly',
  'no',
  '--key-load-delay',
  '1500',
  '--loading-process-events-interval-bytes',
  '1024',
]
const REFUSED = { code: 'CAROM_STORE_READ_ONLY', message: /MISCONF.*its disk may be full/ }

test('while no snapshot can be written nothing is taken or lost, and work goes on afterwards', options, async (t) => {
  const { server, broker, backend, client } = await ownPlace(t)
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(['held', 'parked', 'waiting']))
  const [held, parked] = [await claimOne(consumer), await claimOne(consumer)]
  await consumer.settle([released(parked, 'none', 1)])
  const inTheWay = join(server.folder, 'dump.rdb')
  mkdirSync(inTheWay)
  await client.config('SET', 'save', '3600 1000000')
  assert.equal(await saved(client), 'err')
  await assert.rejects(broker.publish([outgoing()]), REFUSED)
  await assert.rejects(broker.publish(numbered([1, 2])), REFUSED)
  await assert.rejects(consumer.claim(2, { signal: AbortSignal.timeout(5_000) }), REFUSED)
  await assert.rejects(consumer.settle([acked(held, { result: meta('held') })]), REFUSED)
  await assert.rejects(backend.save([meta('other')]), REFUSED)
  // What only looks is not refused.
  assert.deepEqual(await backend.load(['held']), [null])
  assert.equal((await broker.depths())[0]?.claimed, 1)
  rmdirSync(inTheWay)
  assert.equal(await saved(client), 'ok')
  assert.deepEqual(
    new Set(idsOf(await claimAll(consumer, ['waiting', 'parked'], 5_000))),
    new Set(['waiting', 'parked']),
  )
  assert.deepEqual(await consumer.settle([acked(held, { result: meta('held') })]), ['settled'])
  assert.equal((await backend.load(['held']))[0]?.status, 'SUCCESS')
})

test(
  'a server that still loads its data is waited for, or refused in time, and nothing is lost',
  options,
  async (t) => {
    const { server, broker, backend, client, url } = await ownPlace(t, LOADS_SLOWLY)
    const consumer = await consumerOf(broker)
    await broker.publish(numbered(['held', 'waiting']))
    const held = await claimOne(consumer)
    await client.eval("for i = 1, 1500 do redis.call('SET', 'filler' .. i, 'x') end", 0)
    await client.save()
    await server.kill()
    const starting = server.start()
    await until(() => loading(server), { what: 'it loads', withinMs: 10_000 })
    await assert.rejects(openBroker(`${url}?commandTimeoutMs=300`, { appName: 'test' }), {
      code: 'CAROM_STORE_UNAVAILABLE',
      message: /LOADING.*not ready for commands yet/,
    })
    const publishing = broker.publish([outgoing({ id: 'meanwhile' })])
    const claiming = claimAll(consumer, ['waiting', 'meanwhile'])
    assert.deepEqual(await consumer.settle([acked(held, { result: meta('held') })]), ['settled'])
    await publishing
    assert.deepEqual(new Set(idsOf(await claiming)), new Set(['waiting', 'meanwhile']))
    assert.equal((await backend.load(['held']))[0]?.status, 'SUCCESS')
    await starting
  },
)

test('a node of a cluster is refused as soon as it is opened, whatever it says', options, async (t) => {
  const [one, other] = [await clusterNode(t), await clusterNode(t)]
  const refusal = (said: string) => ({
    code: 'CAROM_STORE_UNAVAILABLE',
    message: new RegExp(`${said}.*cannot lie in a Redis Cluster: use a single server`),
  })
  await assert.rejects(openBroker(one.server.url(), { appName: 'test' }), refusal('CLUSTERDOWN'))
  await assert.rejects(openBackend(one.server.url(), { appName: 'test' }), refusal('CLUSTERDOWN'))
  await one.client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 8_191)
  await other.client.call('CLUSTER', 'ADDSLOTSRANGE', 8_192, 16_383)
  await one.client.call('CLUSTER', 'MEET', '127.0.0.1', other.server.port, other.busPort)
  for (const { client } of [one, other]) {
    const isUp = async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')
    await until(isUp, { what: 'the cluster is up', withinMs: 15_000 })
  }
  await assert.rejects(openBroker(one.server.url(), { appName: 'test' }), refusal('CROSSSLOT'))
  await assert.rejects(openBackend(one.server.url(), { appName: 'test' }), refusal('CROSSSLOT'))
  // All keys in one slot, which is the first node's.
  assert.equal(await one.client.call('CLUSTER', 'KEYSLOT', 'slot-1'), 1_719)
  const inSlot = other.server.url(0, '?globalKeyprefix=%7Bslot-1%7D')
  await assert.rejects(openBroker(inSlot, { appName: 'test' }), refusal('MOVED'))
})

test('a user who may only do with results what a backend does opens that', options, async (t) => {
  const { server, client } = await ownPlace(t)
  const rights = ['on', '>sesame', '~celery-task-meta-*', '&*', '+@all', '-@admin']
  await client.call('ACL', 'SETUSER', 'reader', ...rights)
  const backend = await openBackend(server.url().replace('://', '://reader:sesame@'), { appName: 'test' })
  afterwards(t, () => backend.close())
  await backend.save([meta('a')])
  assert.equal((await backend.load(['a']))[0]?.status, 'SUCCESS')
})

async function clusterNode(t: TestContext) {
  const busPort = await freePort()
  const server = await startRedis(['--cluster-enabled', 'yes', '--cluster-port', String(busPort)])
  afterwards(t, () => server.remove())
  const client = server.client()
  afterwards(t, () => client.disconnect())
  return { server, client, busPort }
}

/** What became of a snapshot that is written now. */
async function saved(client: Redis): Promise<string> {
  const before = await client.lastsave()
  await client.bgsave()
  const ended = async () => {
    const said = String(await client.info('persistence'))
    const outcome = /rdb_last_bgsave_status:(\w+)/.exec(said)?.[1]
    if (!said.includes('rdb_bgsave_in_progress:0')) return null
    return outcome === 'err' || (await client.lastsave()) >= before ? outcome : null
  }
  return until(ended, { what: 'the snapshot has ended', withinMs: 10_000 })
}

async function loading({ port }: RedisServer): Promise<boolean> {
  const client = new Redis({ port, host: '127.0.0.1', protocol: 2, enableReadyCheck: false, retryStrategy: () => null })
  client.on('error', () => {})
  try {
    return String(await client.info('persistence')).includes('\nloading:1')
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

async function ownPlace(t: TestContext, settings: readonly string[] = []) {
  const server = await startRedis(settings)
  afterwards(t, () => server.remove())
  const client = server.client()
  client.on('error', () => {})
  afterwards(t, () => client.disconnect())
  const url = server.url(0)
  const broker = await openBroker(url, { appName: 'test' })
  const backend = await openBackend(url, { appName: 'test' })
  afterwards(t, () => Promise.allSettled([broker.close(), backend.close()]))
  return { server, broker, backend, client, url }
}
