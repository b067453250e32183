/** A RabbitMQ whose frames are smaller than usual. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { openerOf } from '../conformance/open.ts'
import { claimCount, consumerOf, outgoing } from '../conformance/store.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
let server: RabbitServer
before(
  async () => {
    if (skip === false) server = await startRabbit(['frame_max = 16384'])
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
