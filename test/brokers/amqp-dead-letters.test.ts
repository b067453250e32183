/** Queues with a dead-letter exchange or a limit of deliveries: what RabbitMQ takes away, and what it must not. */
import assert from 'node:assert/strict'
import { before, type TestContext, test } from 'node:test'
import type { Channel } from 'rabbitmq-client'
import { openerOf } from '../conformance/open.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { acked, claimCount, claimOne, consumerOf, outgoing, released } from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { until } from '../support/wait.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 30_000 }
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

/** A queue "q" of its owner's, who reads from "dead" what RabbitMQ takes out of it. */
async function placeWith(t: TestContext, settings: Record<string, unknown>) {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const channel = await amqpChannel(t, url)
  await channel.queueDeclare({ queue: 'dead', durable: true })
  await channel.queueDeclare({ queue: 'q', durable: true, arguments: settings })
  const { broker } = await openerOf(t, url)()
  return { broker, channel }
}

const DEAD_LETTERS = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' }
const QUORUM = { 'x-queue-type': 'quorum', 'x-delivery-limit': 3 }

async function countOf(channel: Channel, queue: string): Promise<number> {
  return (await channel.queueDeclare({ queue, passive: true })).messageCount
}

test('a limit of deliveries takes no message that comes back again and again', limits, async (t) => {
  const { broker, channel } = await placeWith(t, { ...QUORUM, ...DEAD_LETTERS })
  await broker.publish([outgoing({ id: 'a' })])
  // Nobody renews: each claim comes back when its lease is over.
  const consumer = await consumerOf(broker, { leaseMs: 50 })
  for (let deliveries = 1; deliveries <= 21; deliveries++) {
    assert.equal((await claimOne(consumer)).counts.deliveries, deliveries)
  }
  assert.equal(await countOf(channel, 'dead'), 0)
})

test('nor one that is given back uncounted', limits, async (t) => {
  const { broker, channel } = await placeWith(t, { ...QUORUM, ...DEAD_LETTERS })
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'a' })])
  for (let round = 0; round < 10; round++) {
    const delivery = await claimOne(consumer)
    assert.equal(delivery.counts.deliveries, 1)
    await consumer.settle([released(delivery, 'none')])
  }
  const delivery = await claimOne(consumer)
  assert.equal(delivery.message.headers.id, 'a')
  await consumer.settle([acked(delivery)])
  assert.equal(await countOf(channel, 'dead'), 0)
})

for (const kind of ['classic', 'quorum']) {
  test(`what is set aside is in the quarantine, and no dead letter: a ${kind} queue`, limits, async (t) => {
    const { broker, channel } = await placeWith(t, { ...DEAD_LETTERS, 'x-queue-type': kind })
    const consumer = await consumerOf(broker)
    await broker.publish([outgoing({ id: 'a' }), outgoing({ id: 'b' })])
    const [a, b] = await claimCount(consumer, 2)
    assert.ok(a && b)
    const end = { type: 'quarantine', reason: 'nobody knows it' } as const
    await consumer.settle([{ ...acked(a), end }, acked(b)])
    const kept = await broker.quarantine.list()
    assert.deepEqual(
      kept.map(({ taskId, queue, reason }) => [taskId, queue, reason]),
      [['a', 'q', 'nobody knows it']],
    )
    assert.deepEqual([await countOf(channel, 'q'), await countOf(channel, 'dead')], [0, 0])
  })

  test(`what expires becomes a dead letter, which runs like any other message: a ${kind} queue`, limits, async (t) => {
    const { broker, channel } = await placeWith(t, { ...DEAD_LETTERS, 'x-queue-type': kind })
    await broker.publish([outgoing({ id: 'a', headers: { mine: 1 }, properties: { expiration: '1' } })])
    await until(async () => (await countOf(channel, 'dead')) === 1, { what: 'it is a dead letter' })
    const consumer = await consumerOf(broker, { queues: ['dead'] })
    const delivery = await claimOne(consumer)
    assert.deepEqual([delivery.queue, delivery.message.headers.id, delivery.message.headers.mine], ['dead', 'a', 1])
    assert.equal(delivery.counts.deliveries, 1)
    assert.equal(delivery.message.headers['x-death'], undefined)
    await consumer.settle([acked(delivery)])
  })
}
