/** Connections that break after Redis has done what it was asked, and before it could say so. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { CLAIM } from '../../src/brokers/redis/claim-script.ts'
import { SETTLE } from '../../src/brokers/redis/settle-script.ts'
import { acked, claimCount, claimOne, consumerOf, idsOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { claimAll } from './claim-all.ts'
import { fill, redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 25_000 }
const UNAVAILABLE = { code: 'CAROM_STORE_UNAVAILABLE' }

/** A consumer behind a proxy that has claimed and settled once, so that the server knows the scripts. */
async function behindProxy(t: TestContext) {
  const { broker, backend, server, url, client } = await redis.place(t)
  const proxy = await startProxy(server.port)
  t.after(() => proxy.down())
  const far = await openBroker(url.replace(`:${server.port}/`, `:${proxy.port}/`), { appName: 'test' })
  t.after(() => far.close().catch(() => {}))
  const consumer = await consumerOf(far)
  await broker.publish([outgoing({ id: 'first' })])
  await consumer.settle([acked(await claimOne(consumer))])
  return { broker, backend, client, proxy, far, consumer }
}

test('a claim whose reply is lost is found by its consumer, at once, uncounted and in order', options, async (t) => {
  const { broker, proxy, consumer } = await behindProxy(t)
  const other = await consumerOf(broker)
  await broker.publish(numbered(['other']))
  const [held] = await claimCount(other, 1)
  assert.ok(held)
  await broker.publish(numbered(['a', 'b', 'c']))
  const lost = proxy.loseReplyTo(CLAIM.sha)
  await assert.rejects(claimCount(consumer, 3), UNAVAILABLE)
  await lost
  assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 0, delayed: 0, claimed: 4 }])
  await broker.publish(numbered(['d']))
  const startedMs = performance.now()
  const deliveries = await claimAll(consumer, ['a', 'b', 'c', 'd'], 5_000)
  assert.ok(performance.now() - startedMs < 5_000, 'they waited for their lease')
  assert.deepEqual(idsOf(deliveries), ['a', 'b', 'c', 'd'])
  assert.deepEqual(
    deliveries.map(({ counts }) => counts.deliveries),
    [1, 1, 1, 1],
  )
  // What another consumer holds is its own.
  assert.deepEqual(await other.renew([held.token]), [])
  const settled = await consumer.settle(deliveries.map((delivery) => acked(delivery)))
  assert.deepEqual(new Set(settled), new Set(['settled']))
  assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 0, delayed: 0, claimed: 1 }])
})

test('a consumer that closes after a claim whose reply is lost gives that back too', options, async (t) => {
  const { broker, proxy, consumer } = await behindProxy(t)
  await broker.publish(numbered(['a', 'b'], { properties: { priority: 6 } }))
  const lost = proxy.loseReplyTo(CLAIM.sha)
  await assert.rejects(claimCount(consumer, 2), UNAVAILABLE)
  await lost
  await consumer.close()
  assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 2, delayed: 0, claimed: 0 }])
  assert.deepEqual(idsOf(await claimCount(await consumerOf(broker), 2)), ['a', 'b'])
})

test('a full server takes back what a claim took whose reply is lost', options, async (t) => {
  const { broker, client, proxy, consumer } = await behindProxy(t)
  await broker.publish([outgoing({ id: 'a' })])
  await fill(t, client)
  const lost = proxy.loseReplyTo(CLAIM.sha)
  await assert.rejects(claimOne(consumer), UNAVAILABLE)
  await lost
  assert.deepEqual(idsOf([await claimOne(consumer)]), ['a'])
})

test('what a claim could not park in time does not keep the rest of it from being delivered', options, async (t) => {
  const { broker, proxy, consumer } = await behindProxy(t)
  const eta = new Date(Date.now() + 3_600_000).toISOString()
  await broker.publish([outgoing({ id: 'far', headers: { eta } }), outgoing({ id: 'now' })])
  const lost = proxy.loseReplyTo(SETTLE.sha)
  const claiming = consumer.claim(2, { signal: AbortSignal.timeout(5_000) })
  await lost
  assert.deepEqual(idsOf(await claiming), ['now'])
  assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 0, delayed: 1, claimed: 1 }])
})

test('a settlement whose reply is lost has happened once: settled again, it is lost', options, async (t) => {
  const { broker, backend, client, proxy, consumer } = await behindProxy(t)
  await broker.publish(numbered(['a']))
  const delivery = await claimOne(consumer)
  const settlement = acked(delivery, { result: meta('a'), next: [outgoing({ id: 'next', queue: 'n' })] })
  const lost = proxy.loseReplyTo(SETTLE.sha)
  await assert.rejects(consumer.settle([settlement]), UNAVAILABLE)
  await lost
  assert.equal((await backend.load(['a']))[0]?.status, 'SUCCESS')
  assert.deepEqual(await consumer.settle([settlement]), ['lost'])
  assert.deepEqual(await consumer.renew([delivery.token]), [delivery.token])
  assert.deepEqual(await broker.depths(), [{ queue: 'n', waiting: 1, delayed: 0, claimed: 0 }])
  assert.deepEqual([await client.hlen('unacked'), await client.zcard('carom.leases')], [0, 0])
})
