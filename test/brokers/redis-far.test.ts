/** A Redis that is far away: every answer is two seconds old. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { acked, consumerOf, idsOf, numbered, outgoing } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { claimAll } from './claim-all.ts'
import { redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 55_000 }

test('two seconds from Redis and back, everything takes its time and comes once', options, async (t) => {
  const { broker, server, url } = await redis.place(t)
  const proxy = await startProxy(server.port)
  afterwards(t, () => proxy.down())
  proxy.slow({ bytesPerSecond: Infinity, latencyMs: 1_000 })
  const far = await openBroker(url.replace(`:${server.port}/`, `:${proxy.port}/`), { appName: 'test' })
  afterwards(t, () => far.close())
  const ids = Array.from({ length: 20 }, (_, index) => String(index))
  await far.publish(numbered(ids))
  const consumer = await consumerOf(far)
  const deliveries = await claimAll(consumer, ids)
  assert.deepEqual(idsOf(deliveries), ids)
  const claiming = claimAll(consumer, ['later'])
  const settled = await consumer.settle(deliveries.map((delivery) => acked(delivery)))
  assert.deepEqual(new Set(settled), new Set(['settled']))
  await broker.publish([outgoing({ id: 'later' })])
  const [later] = await claiming
  assert.ok(later)
  assert.deepEqual(await consumer.settle([acked(later)]), ['settled'])
  assert.deepEqual(await broker.depths(), [])
})
