/** RabbitMQ is killed and started again on its data: what it had confirmed is not lost. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Delivery } from '../../src/brokers/broker.ts'
import { isCaromError } from '../../src/errors.ts'
import { openerOf } from '../conformance/open.ts'
import { acked, claimCount, claimOne, consumerOf, numbered, outgoing, released } from '../conformance/store.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'
import { until } from '../support/wait.ts'
import { claimAll } from './claim-all.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 50_000 }
let server: RabbitServer
before(
  async () => {
    if (skip === false) server = await startRabbit()
  },
  { timeout: 60_000 },
)
after(() => server?.remove())

test('messages that were claimed come again after RabbitMQ was killed, and none is lost', limits, async (t) => {
  const { broker } = await openerOf(t, server.url(await server.vhost()))()
  await broker.publish(numbered([1, 2, 3, 4], { properties: { delivery_mode: 2 } }))
  const consumer = await consumerOf(broker)
  const [done, ...held] = await claimCount(consumer, 3)
  assert.ok(done)
  assert.deepEqual(await consumer.settle([acked(done)]), ['settled'])
  await server.kill()
  const publishing = broker.publish([outgoing({ id: '5' })]).catch((error: unknown) => error)
  await until(async () => (await consumer.renew(held.map(({ token }) => token))).length === 2, {
    what: 'the claims are lost',
  })
  await server.start()
  const refused = await publishing
  assert.ok(refused === undefined || isCaromError(refused, 'CAROM_STORE_UNAVAILABLE'), String(refused))
  await broker.publish([outgoing({ id: '6' })])
  const again = await claimAll(consumer, ['2', '3', '4', '6'])
  for (const { message } of held) {
    const came = again.find(({ message: { headers } }) => headers.id === message.headers.id)
    assert.equal(came?.counts.deliveries, 2)
  }
  const late = await consumer.settle(held.map((delivery) => acked(delivery)))
  assert.deepEqual(late, ['lost', 'lost'])
})

test('what is in quarantine, delayed or waiting survives a crash of RabbitMQ', limits, async (t) => {
  const { broker } = await openerOf(t, server.url(await server.vhost()))()
  const consumer = await consumerOf(broker)
  const eta = new Date(Date.now() + 3_000).toISOString()
  await broker.publish([...numbered(['bad', 'crashed', 'waits']), outgoing({ id: 'later', headers: { eta } })])
  const [bad, crashed] = await claimCount(consumer, 2)
  assert.ok(bad && crashed)
  await consumer.settle([
    { token: bad.token, result: null, next: [], end: { type: 'quarantine', reason: 'for a test' } },
    released(crashed, 'crash'),
  ])
  await consumer.close()
  await server.kill()
  await server.start()
  const list = await until(() => broker.quarantine.list().catch(() => null), { withinMs: 20_000, what: 'it is up' })
  assert.deepEqual(
    list.map(({ taskId, reason, queue }) => [taskId, reason, queue]),
    [['bad', 'for a test', 'q']],
  )
  assert.equal(await broker.quarantine.replay(['bad']), 1)
  const reader = await consumerOf(broker)
  const again = await claimAll(reader, ['bad', 'crashed', 'waits', 'later'])
  // An ack that RabbitMQ had not written yet is forgotten: a message may come once more before, as it was.
  const counted = ({ message, counts }: Delivery) => message.headers.id === 'crashed' && counts.crashes === 1
  while (!again.some(counted)) again.push(await claimOne(reader))
  assert.deepEqual(await broker.quarantine.list(), [])
})
