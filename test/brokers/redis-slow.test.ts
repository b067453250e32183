/** A line to Redis that is slow: everything comes, though late, and nothing twice. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { acked, claimOne, consumerOf, idsOf, numbered, outgoing } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { type Line, startProxy } from '../support/tcp-proxy.ts'
import { claimAll } from './claim-all.ts'
import { redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 55_000 }

/** A broker at the end of a slow line, and one that is near. */
async function farAway(t: TestContext, line: Line, commandTimeoutMs: number) {
  const place = await redis.place(t)
  const { server, url } = place
  const proxy = await startProxy(server.port)
  afterwards(t, () => proxy.down())
  const far = await openBroker(
    `${url.replace(`:${server.port}/`, `:${proxy.port}/`)}?commandTimeoutMs=${commandTimeoutMs}`,
    { appName: 'test' },
  )
  afterwards(t, () => far.close().catch(() => {}))
  const consumer = await consumerOf(far)
  // So that the scripts, which are larger than any message here, are with the server already.
  await place.broker.publish([outgoing({ id: 'first' })])
  await consumer.settle([acked(await claimOne(consumer))])
  proxy.slow(line)
  return { ...place, proxy, far, consumer }
}

test('more than the line carries within a deadline is claimed in parts, each message once', options, async (t) => {
  const { broker, consumer, far } = await farAway(t, { bytesPerSecond: 24_000, latencyMs: 0 }, 1_000)
  const ids = Array.from({ length: 16 }, (_, index) => String(index))
  // About 80 kB of envelopes, which take more than three seconds.
  await broker.publish(numbered(ids, { body: Buffer.alloc(3_000, ' ') }))
  const before = process.memoryUsage().rss
  const deliveries = await claimAll(consumer, ids, 25_000)
  assert.deepEqual(idsOf(deliveries), ids)
  assert.deepEqual(new Set(deliveries.map(({ counts }) => counts.deliveries)), new Set([1]))
  const settled = await consumer.settle(deliveries.map((delivery) => acked(delivery)))
  assert.deepEqual(new Set(settled), new Set(['settled']))
  assert.deepEqual(await broker.depths(), [])
  // What does not get through in time is refused, and does not pile up.
  const large = Buffer.alloc(100_000)
  const calls = Array.from({ length: 20 }, () => far.publish([outgoing({ body: large })]))
  const startedMs = performance.now()
  for (const call of await Promise.allSettled(calls)) {
    assert.ok(call.status === 'rejected')
    assert.equal(call.reason.code, 'CAROM_STORE_UNAVAILABLE')
  }
  assert.ok(performance.now() - startedMs < 5_000, 'it did not end in time')
  assert.ok(process.memoryUsage().rss - before < 100e6, 'memory has grown')
})
