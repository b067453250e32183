/** A network that flaps and one that falls silent, between a worker and its Redis. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Consumer, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { acked, claimOne, consumerOf, outgoing } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 55_000 }

/** A consumer behind a proxy, and a broker that reaches the server without it. */
async function behindProxy(t: TestContext) {
  const { broker, server, url } = await redis.place(t)
  const proxy = await startProxy(server.port)
  t.after(() => proxy.down())
  const behind = url.replace(`:${server.port}/`, `:${proxy.port}/`)
  const far = await openBroker(`${behind}?commandTimeoutMs=700`, { appName: 'test' })
  t.after(() => far.close().catch(() => {}))
  return { broker, proxy, consumer: await consumerOf(far) }
}

/** As a worker does: an error is followed by another try. */
function claimAtLast(consumer: Consumer): Promise<Delivery> {
  return until(() => claimOne(consumer).catch(() => null), { what: 'a message is claimed', withinMs: 20_000 })
}

test(
  'after each of many breaks, short ones and long ones, a message is claimed within five seconds',
  options,
  async (t) => {
    const { broker, proxy, consumer } = await behindProxy(t)
    for (let flap = 0; flap < 15; flap++) {
      const claiming = claimAtLast(consumer)
      // The gaps grow into the retries of the client, and into its handshakes.
      for (let part = 0; part <= flap % 3; part++) {
        await proxy.down()
        await until(gap(50 * (1 + (flap % 6))), { what: 'the gap is over' })
        await proxy.up()
      }
      const upMs = performance.now()
      await broker.publish([outgoing({ id: `after ${flap}` })])
      const delivery = await claiming
      assert.ok(performance.now() - upMs < 5_000, `flap ${flap} took ${performance.now() - upMs} ms`)
      assert.equal(delivery.message.headers.id, `after ${flap}`)
      const settle = () =>
        consumer.settle([acked(delivery)]).then(
          () => true,
          () => false,
        )
      await until(settle, { what: 'it is settled' })
    }
  },
)

test('a connection on which nothing passes any more is found out, and replaced', options, async (t) => {
  const { broker, proxy, consumer } = await behindProxy(t)
  await broker.publish([outgoing({ id: 'before' })])
  const before = await claimOne(consumer)
  const claiming = claimAtLast(consumer)
  proxy.silence(true)
  await broker.publish([outgoing({ id: 'meanwhile' })])
  const startedMs = performance.now()
  await assert.rejects(consumer.renew([before.token]), { code: 'CAROM_STORE_UNAVAILABLE' })
  assert.ok(performance.now() - startedMs < 5_000, 'it was not found out in time')
  proxy.silence(false)
  assert.equal((await claiming).message.headers.id, 'meanwhile')
})

function gap(ms: number): () => boolean {
  const untilMs = performance.now() + ms
  return () => performance.now() >= untilMs
}
