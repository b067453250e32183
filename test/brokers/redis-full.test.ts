/** A server beyond its memory refuses what is new; what is there is kept, renewed and moved all the same. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards } from '../conformance/open.ts'
import {
  acked,
  claimCount,
  claimOne,
  consumerOf,
  idsOf,
  meta,
  numbered,
  outgoing,
  released,
} from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { fill, redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 30_000 }

test('leases are renewed on a full server', options, async (t) => {
  const { consumer, client, claimed } = await redis.holding(t, ['a', 'b'])
  const tokens = claimed.map(({ token }) => token)
  const untilMs = async () => Number(await client.zscore('carom.leases', tokens[0] ?? ''))
  await client.zadd('carom.leases', Date.now() + 10_000, tokens[0] ?? '')
  await fill(t, client)
  assert.deepEqual(await consumer.renew(tokens), [])
  assert.ok((await untilMs()) > Date.now() + 20_000, 'its lease was not renewed')
})

test(
  'on a full server messages go back, are put off and set aside; results and new messages wait',
  options,
  async (t) => {
    const { consumer, client, claimed } = await redis.holding(t, ['now', 'later', 'aside', 'dead', 'done'])
    const [now, later, aside, dead, done] = claimed
    await client.zadd('carom.leases', 1, dead.token)
    const empty = await fill(t, client)
    assert.deepEqual(await consumer.settle([released(later, 'crash', 50), released(now)]), ['settled', 'settled'])
    assert.deepEqual(await consumer.settle([{ ...acked(aside), end: { type: 'quarantine', reason: 'x' } }]), [
      'settled',
    ])
    await assert.rejects(consumer.settle([acked(done, { result: meta('done') })]), { code: 'CAROM_STORE_FULL' })
    await assert.rejects(consumer.settle([acked(done, { next: [outgoing()] })]), { code: 'CAROM_STORE_FULL' })
    assert.deepEqual(idsOf(await claimCount(consumer, 3)).sort(), ['dead', 'later', 'now'])
    assert.deepEqual(await consumer.renew([done.token]), [])
    await empty()
    assert.deepEqual(await consumer.settle([acked(done, { result: meta('done') })]), ['settled'])
  },
)

test('a worker that begins on a full server can empty it', options, async (t) => {
  const { broker, client, url } = await redis.place(t)
  await broker.publish(numbered(['a']))
  await fill(t, client)
  const again = await openBroker(url, { appName: 'test' })
  afterwards(t, () => again.close())
  const consumer = await consumerOf(again, { queues: ['new', 'q'] })
  assert.deepEqual(await consumer.settle([acked(await claimOne(consumer))]), ['settled'])
  assert.deepEqual((await client.smembers('carom.queues')).sort(), ['new', 'q'])
  assert.deepEqual(await client.smembers('_kombu.binding.new'), ['new\x06\x16\x06\x16new'])
})

test(
  'a settlement that cannot be leaves nothing of its call behind, and the others can be alone',
  options,
  async (t) => {
    const { consumer, backend, client, claimed } = await redis.holding(t, ['innocent', 'poison'])
    const [innocent, poison] = claimed
    await client.set('cache', 'no list')
    const good = acked(innocent, { result: meta('innocent'), next: [outgoing({ id: 'after' })] })
    const next = [outgoing({ queue: 'r' }), outgoing({ queue: 'cache' })]
    await assert.rejects(consumer.settle([good, acked(poison, { next })]), { code: 'CAROM_STORE_UNAVAILABLE' })
    assert.deepEqual(await backend.load(['innocent']), [null])
    assert.equal(await client.exists('q', 'r'), 0)
    assert.equal(await client.hlen('unacked'), 2)
    assert.deepEqual(await consumer.settle([good]), ['settled'])
    // Twice in one call it ends once.
    assert.deepEqual(await consumer.settle([acked(poison), acked(poison)]), ['settled', 'lost'])
    assert.deepEqual(idsOf([await claimOne(consumer)]), ['after'])
  },
)
