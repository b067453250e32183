/** Quorum queues, whose credit is each consumer's own, and which count deliveries themselves. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Delivery } from '../../src/brokers/broker.ts'
import { claimCases } from '../conformance/broker-claims.ts'
import { settlementCases } from '../conformance/broker-settlements.ts'
import { openerOf, TRAITS } from '../conformance/open.ts'
import { rabbit, rabbitStoreFor } from '../conformance/open-rabbit.ts'
import { acked, claimCount, claimOne, consumerOf, idsOf, numbered, outgoing } from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 20_000 }
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

// A quorum queue has no priorities, and puts what is given back first, but not in its old order.
const NOT_HERE = ['its priority', 'takes its old place']

for (const { name, applies, run } of [...claimCases, ...settlementCases]) {
  if (applies?.(TRAITS.amqp) === false || NOT_HERE.some((part) => name.includes(part))) continue
  test(`amqp broker, quorum queues: ${name}`, limits, async (t) => {
    await run(await rabbitStoreFor(t, 'queueType=quorum'), TRAITS.amqp)
  })
}

test('a quorum queue that exists is consumed, also by who expects a classic one', limits, async (t) => {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const channel = await amqpChannel(t, url)
  await channel.queueDeclare({ queue: 'q', durable: true, arguments: { 'x-queue-type': 'quorum' } })
  const { broker } = await openerOf(t, url)()
  await broker.publish([...numbered([1, 2, 3]), outgoing({ id: 'r', queue: 'r' })])
  const consumer = await consumerOf(broker, { queues: ['q', 'r'] })
  const deliveries = await claimCount(consumer, 4)
  assert.deepEqual(new Set(idsOf(deliveries)), new Set(['1', '2', '3', 'r']))
  await consumer.settle(deliveries.map((delivery) => acked(delivery)))
  await broker.publish([outgoing({ id: 'more' })])
  assert.equal((await claimOne(consumer)).message.headers.id, 'more')
})

test('a worker that claims one after the other takes no more from others than it claims', limits, async (t) => {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const { broker } = await openerOf(t, `${url}?queueType=quorum`)()
  const channel = await amqpChannel(t, url)
  await broker.publish(numbered(Array.from({ length: 50 }, (_, index) => index)))
  const consumer = await consumerOf(broker)
  const claimed: Delivery[] = []
  while (claimed.length < 6) claimed.push(await claimOne(consumer))
  // At once: what is out and was not claimed goes back after a while.
  const { messageCount } = await channel.queueDeclare({ queue: 'q', passive: true })
  assert.ok(messageCount >= 44, `${50 - messageCount} are out`)
  // As many again as soon as these are gone, at once.
  await consumer.settle(claimed.map((delivery) => acked(delivery)))
  assert.equal((await claimCount(consumer, 6)).length, 6)
})
