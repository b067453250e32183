/** A message that RabbitMQ has delivered before it is due is parked there and then acked: broken off, it is not lost. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { FIRST_EXCHANGE } from '../../src/brokers/amqp/delayed-delivery.ts'
import { openerOf } from '../conformance/open.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { acked, consumerOf, setUpDelays } from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { claimAll } from './claim-all.ts'

const skip = withoutRabbit()
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

for (const lost of ['request', 'reply'] as const) {
  test(`a message whose ${lost} is lost on its way into the delayed delivery comes when it is due`, {
    skip,
    timeout: 25_000,
  }, async (t) => {
    const server = await rabbit()
    const direct = server.url(await server.vhost())
    const proxy = await startProxy(server.port)
    t.after(() => proxy.down())
    const { broker } = await openerOf(t, direct.replace(`:${server.port}/`, `:${proxy.port}/`))()
    await setUpDelays(broker)
    const consumer = await consumerOf(broker)
    const channel = await amqpChannel(t, direct)
    await channel.queueDeclare({ queue: 'q', durable: true })
    const broken = lost === 'reply' ? proxy.loseReplyTo(FIRST_EXCHANGE) : proxy.loseRequest(FIRST_EXCHANGE)
    const claiming = claimAll(consumer, ['a'])
    const dueMs = Date.now() + 2_000
    // As Python sends it: into the queue itself.
    const headers = { id: 'a', task: 'shop.add', eta: new Date(dueMs).toISOString() }
    await channel.basicPublish({ routingKey: 'q', headers, contentType: 'application/json' }, Buffer.from('[[],{},{}]'))
    await broken
    // And the claim with it, before anything is tried again.
    await proxy.down()
    await proxy.up()
    const deliveries = await claiming
    assert.ok(Date.now() >= dueMs, 'it came too early')
    const isGone = async () => {
      await consumer.settle(deliveries.splice(0).map((delivery) => acked(delivery)))
      // It may be there twice.
      deliveries.push(...(await consumer.claim(1, { signal: AbortSignal.timeout(200) })))
      return deliveries.length === 0 && (await broker.depths(['q'])).length === 0
    }
    await until(isGone, { what: 'nothing is left of it' })
  })
}
