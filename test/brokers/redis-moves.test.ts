/** A message on its way within Redis, from one key to another: whatever goes wrong there, it is not lost. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { acked, claimCount, claimOne, consumerOf, idsOf, numbered, outgoing, released } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { fill, redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 30_000 }

test('what becomes due while the server is full is not lost, and is claimed', options, async (t) => {
  const { consumer, client, claimed } = await redis.holding(t, ['a', 'b', 'c'])
  await consumer.settle(claimed.map((delivery) => released(delivery, 'none', 100)))
  await fill(t, client)
  assert.deepEqual(idsOf(await claimCount(consumer, 3)).sort(), ['a', 'b', 'c'])
  assert.equal(await client.hlen('unacked'), 3)
})

test('what is due and has no list to go to stays parked, and holds up no other', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const consumer = await consumerOf(broker, { queues: ['gone', 'q'] })
  await broker.publish([...numbered(['a'], { queue: 'gone' }), ...numbered(['b'])])
  const claimed = await claimCount(consumer, 2)
  await consumer.settle(claimed.map((delivery) => released(delivery, 'none', 50)))
  await client.set('gone', 'text')
  assert.deepEqual(idsOf([await claimOne(await consumerOf(broker))]), ['b'])
  await until(async () => (await client.zcount('carom.due', '-inf', String(Date.now()))) === 0, {
    what: 'a is put off',
  })
  const [field] = await client.zrange('carom.due', '0', '0')
  assert.ok(field)
  assert.equal(await client.hexists('unacked', field), 1)
  await client.del('gone')
  await client.zadd('carom.due', 'XX', 1, field)
  // A message makes it look before the minute is over.
  await broker.publish([outgoing({ id: 'c', queue: 'gone' })])
  assert.deepEqual(idsOf(await claimCount(consumer, 2)).sort(), ['a', 'c'])
})

test('a message that cannot be replayed stays in quarantine', options, async (t) => {
  const { broker, consumer, client, claimed } = await redis.holding(t, ['a'])
  await consumer.settle([acked(claimed[0], { end: { type: 'quarantine', reason: 'x' } })])
  await client.set('q', 'text')
  await assert.rejects(broker.quarantine.replay(['a']), { code: 'CAROM_STORE_UNAVAILABLE' })
  await client.del('q')
  const empty = await fill(t, client)
  await assert.rejects(broker.quarantine.replay(['a']), { code: 'CAROM_STORE_FULL' })
  await empty()
  assert.equal(await broker.quarantine.replay(['a']), 1)
  assert.deepEqual(idsOf([await claimOne(consumer)]), ['a'])
  assert.deepEqual(await broker.quarantine.list(), [])
})
