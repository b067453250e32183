/** A RabbitMQ that takes less than usual: smaller frames, smaller messages. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { openerOf } from '../conformance/open.ts'
import { acked, claimCount, claimOne, consumerOf, idsOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
let server: RabbitServer
before(
  async () => {
    if (skip === false) server = await startRabbit(['frame_max = 16384', 'max_message_size = 1000000'])
  },
  { timeout: 60_000 },
)
after(() => server?.remove())

test('a body of many frames goes through, whatever size the server gives them', {
  skip,
  timeout: 40_000,
}, async (t) => {
  const { broker } = await openerOf(t, server.url())()
  const consumer = await consumerOf(broker)
  const bodies = [10, 16_376, 16_377, 100_000, 300_000].map((size) => randomBytes(size))
  for (const body of bodies) await broker.publish([outgoing({ body })])
  const deliveries = await claimCount(consumer, bodies.length, 20_000)
  for (const [index, { message }] of deliveries.entries())
    assert.ok(Buffer.from(message.body).equals(bodies[index] as Buffer), `body ${index}`)
})

test('a message that is too large for the server is refused as such, and others are not the worse for it', {
  skip,
  timeout: 40_000,
}, async (t) => {
  const { broker } = await openerOf(t, server.url(await server.vhost()))()
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'a' })])
  const large = outgoing({ id: 'large', body: Buffer.alloc(1_000_001, 'x') })
  const refused = { code: 'CAROM_MESSAGE_INVALID', message: /large.* 1000001 bytes.* 1000000/ }
  await assert.rejects(broker.publish([large]), refused)
  // It is known by now: no channel is closed for it.
  const others = broker.publish(numbered(['b', 'c']))
  await assert.rejects(broker.publish([large]), refused)
  await others
  const a = await claimOne(consumer)
  const result = meta('a', { result: Buffer.alloc(1_000_001, '1'), reply: { to: 'somebody', correlationId: 'a' } })
  await assert.rejects(consumer.settle([acked(a, { result })]), { code: 'CAROM_MESSAGE_INVALID' })
  assert.deepEqual(await consumer.settle([acked(a)]), ['settled'])
  assert.deepEqual(idsOf(await claimCount(consumer, 2)), ['b', 'c'])
})
