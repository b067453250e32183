/** A network that flaps and one that falls silent, between a worker and its RabbitMQ, and a second URL to go to. */
import assert from 'node:assert/strict'
import { before, type TestContext, test } from 'node:test'
import type { Consumer, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { acked, claimOne, consumerOf, idsOf, outgoing } from '../conformance/store.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { freePort } from '../support/redis-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { claimAll } from './claim-all.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 55_000 }
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

/** A consumer behind a proxy, and a broker that reaches the server without it. */
async function behindProxy(t: TestContext) {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const proxy = await startProxy(server.port)
  afterwards(t, () => proxy.down())
  const behind = url.replace(`:${server.port}/`, `:${proxy.port}/`)
  const open = async (each: string) => {
    const broker = await openBroker(each, { appName: 'test' })
    afterwards(t, () => broker.close())
    return broker
  }
  return { url, behind: `${behind}?heartbeat=2`, proxy, open }
}

/** As a worker does: an error is followed by another try. */
function claimAtLast(consumer: Consumer): Promise<Delivery> {
  return until(() => claimOne(consumer).catch(() => null), { what: 'a message is claimed', withinMs: 20_000 })
}

test('after each break of the line, short or long, a message is claimed within five seconds', limits, async (t) => {
  const { url, behind, proxy, open } = await behindProxy(t)
  const broker = await open(url)
  const consumer = await consumerOf(await open(behind))
  for (let flap = 0; flap < 6; flap++) {
    const claiming = claimAtLast(consumer)
    // The gaps grow into the retries of the client, and into its handshakes.
    for (let part = 0; part <= flap % 3; part++) {
      await proxy.down()
      await until(gap(50 * (1 + flap)), { what: 'the gap is over' })
      await proxy.up()
    }
    const upMs = performance.now()
    await broker.publish([outgoing({ id: `after ${flap}` })])
    const delivery = await claiming
    assert.ok(performance.now() - upMs < 5_000, `flap ${flap} took ${performance.now() - upMs} ms`)
    assert.equal(delivery.message.headers.id, `after ${flap}`)
    assert.deepEqual(await consumer.settle([acked(delivery)]), ['settled'])
  }
})

test('a line on which nothing passes any more is found out, and used again', limits, async (t) => {
  const { url, behind, proxy, open } = await behindProxy(t)
  const broker = await open(url)
  const consumer = await consumerOf(await open(behind))
  await broker.publish([outgoing({ id: 'before' })])
  const before = await claimOne(consumer)
  proxy.silence(true)
  await broker.publish([outgoing({ id: 'meanwhile' })])
  const isLost = async () => (await consumer.renew([before.token]).catch(() => [before.token])).length === 1
  await until(isLost, { what: 'it is found out', withinMs: 10_000 })
  proxy.silence(false)
  // RabbitMQ finds out too, and delivers again what was not acked.
  const again = await claimAll(consumer, ['before', 'meanwhile'])
  assert.deepEqual(new Set(idsOf(again)), new Set(['before', 'meanwhile']))
  assert.deepEqual(new Set(await consumer.settle(again.map((delivery) => acked(delivery)))), new Set(['settled']))
})

test('with several URLs the next node is tried, as it is opened and when the line breaks', limits, async (t) => {
  const { url, behind, proxy, open } = await behindProxy(t)
  const nobody = new URL(url)
  nobody.port = String(await freePort())
  const broker = await open(`${nobody};${behind};${url}`)
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'before' })])
  await claimOne(consumer)
  await proxy.down()
  const publish = () =>
    broker.publish([outgoing({ id: 'after' })]).then(
      () => true,
      () => false,
    )
  await until(publish, { what: 'the other node takes messages', withinMs: 15_000 })
  // The claim was lost with its line, so that was the one behind the proxy.
  const again = await claimAll(consumer, ['before', 'after'])
  assert.deepEqual(new Set(await consumer.settle(again.map((delivery) => acked(delivery)))), new Set(['settled']))
})

function gap(ms: number): () => boolean {
  const untilMs = performance.now() + ms
  return () => performance.now() >= untilMs
}
