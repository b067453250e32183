/** What Carom puts into RabbitMQ, seen by others, and what it makes of what others put there. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { MAX_DELIVERIES, tooManyDeliveries } from '../../src/worker/verdict.ts'
import { openerOf } from '../conformance/open.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import {
  acked,
  claimCount,
  claimOne,
  consumerOf,
  idsOf,
  outgoing,
  released,
  setUpDelays,
} from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { until } from '../support/wait.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 20_000 }
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

const freshUrl = async (): Promise<string> => {
  const server = await rabbit()
  return server.url(await server.vhost())
}

test("a published task has the properties, headers and body of Celery's own", limits, async (t) => {
  const url = await freshUrl()
  const { broker } = await openerOf(t, url)()
  const message = buildTaskMessage({ task: 'demo.add', id: 'id-1', args: [2, 3], kwargs: {}, replyTo: 'oid' })
  await broker.publish([{ queue: 'celery', message }])
  const channel = await amqpChannel(t, url)
  const raw = await until(() => channel.basicGet('celery'), { what: 'the message is there' })
  assert.deepEqual([raw.exchange, raw.routingKey, raw.redelivered], ['', 'celery', false])
  const { contentType, contentEncoding, deliveryMode, priority, correlationId, replyTo } = raw as never as Record<
    string,
    unknown
  >
  assert.deepEqual(
    { contentType, contentEncoding, deliveryMode, priority, correlationId, replyTo },
    {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      deliveryMode: 2,
      priority: 0,
      correlationId: 'id-1',
      replyTo: 'oid',
    },
  )
  for (const absent of ['expiration', 'messageId', 'timestamp', 'type', 'userId', 'appId']) assert.ok(!(absent in raw))
  const { headers } = raw
  assert.deepEqual([headers?.task, headers?.id, headers?.root_id], ['demo.add', 'id-1', 'id-1'])
  assert.deepEqual([headers?.eta, headers?.timelimit, headers?.retries], [null, [null, null], 0])
  assert.ok(!('x-carom' in (headers ?? {})))
  assert.equal(String(raw.body), '[[2,3],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]')
})

test('queue, exchange and binding are what Celery would declare, and exist for it', limits, async (t) => {
  const url = await freshUrl()
  const { broker } = await openerOf(t, url)()
  await broker.publish([outgoing({ queue: 'celery' })])
  const channel = await amqpChannel(t, url)
  // Other arguments than those that it has would end the channel.
  await channel.queueDeclare({ queue: 'celery', durable: true })
  await channel.exchangeDeclare({ exchange: 'celery', type: 'direct', durable: true })
  await channel.confirmSelect()
  await channel.basicPublish({ exchange: 'celery', routingKey: 'celery', mandatory: true }, Buffer.from('routed'))
  assert.equal((await channel.queueDeclare({ queue: 'celery', passive: true })).messageCount, 2)
})

test('a queue that exists with other arguments is used as it is', limits, async (t) => {
  const url = await freshUrl()
  const channel = await amqpChannel(t, url)
  const args = { 'x-max-length': 100, 'x-dead-letter-exchange': 'dead' }
  await channel.queueDeclare({ queue: 'q', durable: true, arguments: args })
  await channel.exchangeDeclare({ exchange: 'q', type: 'topic', durable: true })
  const { broker } = await openerOf(t, url)()
  await broker.publish([outgoing({ id: 'a' })])
  const consumer = await consumerOf(broker)
  const delivery = await claimOne(consumer)
  assert.equal(delivery.message.headers.id, 'a')
  assert.deepEqual(await consumer.settle([acked(delivery)]), ['settled'])
  await channel.queueDeclare({ queue: 'q', durable: true, arguments: args })
})

test('what AMQP cannot carry as it is, is refused with its place', limits, async (t) => {
  const { broker } = await openerOf(t, await freshUrl())()
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ 'x-big': 2n ** 64n }, /headers\.x-big is an integer that does not arrive/],
    [{ 'x-odd': 2n ** 53n + 1n }, /headers\.x-odd is an integer/],
    [{ 'x-nan': [Number.NaN] }, /headers\.x-nan\[0\] is NaN/],
    [{ 'x-date': { at: new Date(0) } }, /headers\.x-date\.at is an object of a class/],
    [{ 'x-long': 'x'.repeat(130_000) }, /beyond the 120000 bytes/],
    [{ CC: ['elsewhere'] }, /headers\.CC is a name that RabbitMQ/],
    [{ 'x-carom': { crashes: 2 } }, /headers\.x-carom is a name/],
    [{ ['x'.repeat(256)]: 1 }, /name of more than 255 bytes/],
  ]
  for (const [headers, message] of cases) {
    await assert.rejects(broker.publish([outgoing({ headers })]), { code: 'CAROM_MESSAGE_INVALID', message })
  }
  const properties = { 'x-unknown': 1 }
  await assert.rejects(broker.publish([outgoing({ properties })]), /properties\.x-unknown is no property/)
  await assert.rejects(broker.publish([outgoing({ queue: 'q'.repeat(256) })]), { code: 'CAROM_MESSAGE_INVALID' })
  assert.deepEqual(await broker.depths(['q']), [])
})

test('what others send arrives as it is, however odd it is', limits, async (t) => {
  const url = await freshUrl()
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  const channel = await amqpChannel(t, url)
  await broker.publish([outgoing({ id: 'first' })])
  await channel.basicPublish({ routingKey: 'q' }, Buffer.alloc(0))
  await channel.basicPublish({ routingKey: 'q', contentType: 'text/plain', contentEncoding: 'utf-8' }, Buffer.from('ü'))
  const headers = JSON.parse('{"id":"odd","__proto__":{"task":"polluted"},"deep":[[null,{"a":[]}]],"float":0.5}')
  await channel.basicPublish({ routingKey: 'q', headers }, Buffer.from([0, 255]))
  await channel.basicPublish({ routingKey: 'q', headers: { id: 'json' }, contentType: 'application/json' } as never, {
    a: 1,
  })
  const [, empty, text, odd, json] = await claimCount(consumer, 5)
  assert.deepEqual([empty?.message.headers, empty?.message.body.byteLength, empty?.message.contentType], [{}, 0, ''])
  assert.equal(String(text?.message.body), 'ü')
  assert.equal(odd?.message.headers.task, undefined)
  assert.deepEqual(odd?.message.headers.deep, [[null, { a: [] }]])
  assert.deepEqual([...(odd?.message.body ?? [])], [0, 255])
  assert.equal(String(json?.message.body), '{"a":1}')
})

test('a body that nobody has said the encoding of stays the bytes that it is', limits, async (t) => {
  const url = await freshUrl()
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  const channel = await amqpChannel(t, url)
  await broker.publish([outgoing({ id: 'first' })])
  const numbers = Buffer.from('[[9007199254740993, 1.0, 1], {}, {"a": 1, "a": 2}]')
  const bytes = Buffer.from([0x78, 0xff, 0x00])
  await channel.basicPublish({ routingKey: 'q', contentType: 'application/json' }, numbers)
  await channel.basicPublish({ routingKey: 'q', contentType: 'text/plain', contentEncoding: '' }, bytes)
  const [, json, text] = await claimCount(consumer, 3)
  assert.equal(String(json?.message.body), String(numbers))
  assert.deepEqual([...(text?.message.body ?? [])], [...bytes])
})

test('a message whose id is no text is not lost where the quarantine was deleted', limits, async (t) => {
  const url = await freshUrl()
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  const channel = await amqpChannel(t, url)
  const aside = (token: string) => ({
    token,
    result: null,
    next: [],
    end: { type: 'quarantine', reason: 'r' } as const,
  })
  await broker.publish([outgoing({ id: 'first' })])
  assert.deepEqual(await consumer.settle([aside((await claimOne(consumer)).token)]), ['settled'])
  await channel.queueDelete({ queue: 'carom.quarantine' })
  await channel.basicPublish(
    { routingKey: 'q', headers: { id: 5, task: 'shop.add' }, contentEncoding: 'utf-8' },
    Buffer.from('b'),
  )
  assert.deepEqual(await consumer.settle([aside((await claimOne(consumer)).token)]), ['settled'])
  assert.deepEqual(
    (await broker.quarantine.list()).map(({ message }) => message.headers.id),
    [5],
  )
  await channel.queueDelete({ queue: 'carom.quarantine' })
  assert.deepEqual(await broker.quarantine.list(), [])
})

for (const levels of [200, 3_000]) {
  test(`headers nested ${levels} deep end in the quarantine once, and good messages flow`, limits, async (t) => {
    const url = await freshUrl()
    const { broker } = await openerOf(t, url)()
    const consumer = await consumerOf(broker)
    const channel = await amqpChannel(t, url)
    await broker.publish([outgoing({ id: 'before' })])
    let deep: unknown = 1
    for (let level = 0; level < levels; level++) deep = [deep]
    await channel.basicPublish({ routingKey: 'q', headers: { id: 'deep', deep } }, Buffer.from('body'))
    await broker.publish([outgoing({ id: 'after' })])
    const deliveries = await claimCount(consumer, 2)
    assert.deepEqual(idsOf(deliveries), ['before', 'after'])
    assert.deepEqual(await consumer.settle(deliveries.map((delivery) => acked(delivery))), ['settled', 'settled'])
    const set = await until(async () => (await broker.quarantine.list())[0], { what: 'it is in quarantine' })
    assert.match(set.reason, /cannot be read: headers.* nested/)
    assert.deepEqual([set.queue, String(set.message.body)], ['q', 'body'])
    assert.equal(await broker.quarantine.drop([set.taskId]), 1)
  })
}

test('a message that Python sent with an eta is parked, and held by no worker', limits, async (t) => {
  const url = await freshUrl()
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  const channel = await amqpChannel(t, url)
  await setUpDelays(broker)
  await broker.publish([outgoing({ id: 'now' })])
  const dueMs = Date.now() + 2_000
  const later = outgoing({ id: 'later', headers: { eta: new Date(dueMs).toISOString() } }).message
  await channel.basicPublish({ routingKey: 'q', headers: { ...later.headers }, contentEncoding: 'utf-8' }, later.body)
  assert.deepEqual(idsOf([await claimOne(consumer)]), ['now'])
  const claiming = claimOne(consumer)
  await until(
    async () => (await channel.queueDeclare({ queue: 'celery_delayed_1', passive: true })).messageCount === 1,
    {
      what: 'it is parked',
    },
  )
  const delivery = await claiming
  assert.equal(delivery.message.headers.id, 'later')
  assert.deepEqual(delivery.counts, { deliveries: 1, crashes: 0, foreign: 0 })
  const lateMs = Date.now() - dueMs
  assert.ok(lateMs >= 0 && lateMs < 1_500, `it came ${lateMs} ms late`)
})

test('messages of a queue whose name ends like another do not go there when they are due', limits, async (t) => {
  const { broker } = await openerOf(t, await freshUrl())()
  const eta = new Date(Date.now() + 500).toISOString()
  await broker.publish([outgoing({ queue: 'q', headers: { eta } }), outgoing({ queue: 'a.q', headers: { eta } })])
  const claimed = await Promise.all(
    ['q', 'a.q'].map(async (queue) => claimOne(await consumerOf(broker, { queues: [queue] }))),
  )
  assert.deepEqual(
    claimed.map(({ queue }) => queue),
    ['q', 'a.q'],
  )
  assert.deepEqual(await broker.depths(), [
    { queue: 'a.q', waiting: 0, delayed: 0, claimed: 1 },
    { queue: 'q', waiting: 0, delayed: 0, claimed: 1 },
  ])
})

for (const queueType of ['classic', 'quorum']) {
  test(
    `deliveries that end without a word are counted on a ${queueType} queue, up to the quarantine`,
    limits,
    async (t) => {
      const url = await freshUrl()
      const open = openerOf(t, `${url}?queueType=${queueType}`)
      const { broker } = await open()
      await broker.publish([outgoing({ id: 'a' })])
      const consumer = await consumerOf(broker, { leaseMs: 50 })
      let delivery = await claimOne(consumer)
      for (let deliveries = 1; deliveries <= MAX_DELIVERIES; deliveries++) {
        assert.deepEqual(delivery.counts, { deliveries, crashes: 0, foreign: 0 })
        assert.equal(tooManyDeliveries(delivery.counts), null)
        delivery = await claimOne(consumer)
      }
      const verdict = tooManyDeliveries(delivery.counts)
      assert.ok(verdict)
      const settled = await consumer.settle([{ token: delivery.token, result: null, next: [], end: verdict.end }])
      assert.deepEqual(settled, ['settled'])
      const [set] = await broker.quarantine.list()
      assert.equal(set?.counts.deliveries, MAX_DELIVERIES + 1)
      assert.equal(await broker.quarantine.replay(['a']), 1)
      const other = await consumerOf(broker)
      const again = await claimOne(other)
      assert.equal(again.counts.deliveries, 1)
      await other.settle([released(again)])
      assert.equal((await claimOne(other)).counts.deliveries, 1)
    },
  )
}
