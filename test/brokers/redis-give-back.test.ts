/** Messages whose worker is gone: one that cannot be given back holds up no other, and no claim. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { restoreForeign } from '../../src/brokers/redis/foreign.ts'
import { claimCount, claimOne, consumerOf, idsOf, numbered, outgoing } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile, storeWith } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 30_000 }

test('a claim that cannot be given back keeps neither the others nor a claim from it', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const lost = await consumerOf(broker, { queues: ['q', 'gone'], leaseMs: 200 })
  await broker.publish([...numbered(['a', 'b']), ...numbered(['bad'], { queue: 'gone' })])
  const bad = (await claimCount(lost, 3)).find(({ queue }) => queue === 'gone')
  assert.ok(bad)
  await client.set('gone', 'text')
  // Nor does a field that is none of ours.
  await client.hset('unacked', 'carom.x', '')
  await client.zadd('carom.leases', 1, 'carom.x')
  const idle = await consumerOf(broker, { queues: ['q', 'other'] })
  const back = await claimCount(idle, 2)
  assert.deepEqual(idsOf(back), ['a', 'b'])
  assert.deepEqual(await idle.claim(1, { signal: AbortSignal.timeout(300) }), [])
  assert.equal(await client.hexists('unacked', bad.token), 1)
  assert.equal(await client.llen(''), 0)
  // Once its list is one again, it goes back like any other.
  await client.del('gone')
  await client.zadd('carom.leases', 'XX', 1, bad.token)
  assert.deepEqual(idsOf([await claimOne(await consumerOf(broker, { queues: ['gone'] }))]), ['bad'])
})

test('a message of a Python worker that cannot be given back keeps no other from it', options, async (t) => {
  const { broker, client, url } = await redis.place(t)
  await broker.publish([outgoing({ id: 'good' })])
  const envelope = await client.rpop('q')
  await client.set('gone', 'text')
  await client.set('_kombu.binding.odd', 'text')
  await client.hset('unacked', { one: `[${envelope}, "", "gone"]`, two: `[${envelope}, "odd", "q"]` })
  await client.hset('unacked', { three: `[${envelope}, "", "q"]` })
  await client.zadd('unacked_index', 1, 'one', 2, 'two', 3, 'three')
  const store = storeWith(t, url, { visibilityTimeoutMs: 1_000 })
  assert.equal(await restoreForeign(store), 1)
  assert.deepEqual((await client.hkeys('unacked')).sort(), ['one', 'two'])
  assert.deepEqual(idsOf([await claimOne(await consumerOf(broker))]), ['good'])
})

test('a message that cannot be set aside does not take the others with it', options, async (t) => {
  const { broker, client } = await redis.place(t)
  await client.lpush('q', 'garbage')
  await broker.publish(numbered(['a', 'b']))
  await client.set('carom.quarantine', 'text')
  const consumer = await consumerOf(broker, { leaseMs: 300 })
  const good = await claimCount(consumer, 2)
  assert.deepEqual(idsOf(good), ['a', 'b'])
  await consumer.renew(good.map(({ token }) => token))
  await client.del('carom.quarantine')
  // By its lease, or after that of its first failure to go back.
  const [field] = (await client.hkeys('unacked')).filter((name) => good.every(({ token }) => token !== name))
  const aside = async () => {
    if (field !== undefined) await client.zadd('carom.leases', 'XX', 1, field)
    return (await broker.quarantine.list()).length === 1
  }
  await until(aside, { what: 'it is set aside', withinMs: 10_000 })
})
