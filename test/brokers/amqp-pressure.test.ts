/** A RabbitMQ that is full, or does not answer: nothing is repeated without end, and nobody waits for ever. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { parseAmqpUrl } from '../../src/brokers/amqp/address.ts'
import { Link } from '../../src/brokers/amqp/link.ts'
import type { Delivery, Outgoing } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { openerOf } from '../conformance/open.ts'
import { acked, claimCount, claimOne, consumerOf, idsOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { claimAll } from './claim-all.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 40_000 }
let server: RabbitServer
before(
  async () => {
    if (skip === false) server = await startRabbit()
  },
  { timeout: 60_000 },
)
after(() => server?.remove())

const behind = ({ port }: TcpProxy, url: string) => url.replace(`:${server.port}/`, `:${port}/`)

test('of what comes again into a queue that is full, what finds a place is published once', limits, async (t) => {
  const proxy = await startProxy(server.port)
  t.after(() => proxy.down())
  const url = server.url(await server.vhost())
  const { broker: far } = await openerOf(t, behind(proxy, url))()
  const { broker } = await openerOf(t, url)()
  const channel = await amqpChannel(t, url)
  const queue = 'small'
  await channel.queueDeclare({
    queue,
    durable: true,
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  })
  const holding = await consumerOf(far, { queues: [queue] })
  for (const id of ['a', 'b']) {
    await broker.publish([outgoing({ id, queue })])
    await claimOne(holding)
  }
  await broker.publish([outgoing({ id: 'c', queue })])
  await proxy.down()
  const waiting = async () => (await channel.queueDeclare({ queue, passive: true })).messageCount
  await until(async () => (await waiting()) === 3, { what: 'a and b are back' })
  await proxy.up()
  const claiming = claimAll(holding, ['a', 'b'])
  await until(async () => (await waiting()) === 1, { withinMs: 20_000, what: 'a and b have come again' })
  const c = await channel.basicGet({ queue })
  assert.ok(c)
  channel.basicAck({ deliveryTag: c.deliveryTag })
  assert.deepEqual(idsOf(await claiming).sort(), ['a', 'b'])
  assert.equal(await waiting(), 0)
})

test('of a settlement that a full queue refuses, what was confirmed is not published again', limits, async (t) => {
  const url = server.url(await server.vhost())
  const { broker } = await openerOf(t, url)()
  const channel = await amqpChannel(t, url)
  await channel.queueDeclare({
    queue: 'full',
    durable: true,
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  })
  await channel.queueDeclare({ queue: 'replies' })
  await broker.publish([outgoing({ id: 'filler', queue: 'full' }), ...numbered(['a', 'b'])])
  const consumer = await consumerOf(broker)
  const [a, b] = await claimCount(consumer, 2)
  assert.ok(a && b)
  const withReply = (delivery: Delivery, next: Outgoing[]) => {
    const { id } = delivery.message.headers
    const result = meta(id, { reply: { to: 'replies', correlationId: id } })
    return { ...acked(delivery), result, next }
  }
  const after = (id: string, queue: string) => outgoing({ id, queue })
  const partly = withReply(a, [after('first', 'free'), after('refused', 'full'), after('last', 'free')])
  const whole = withReply(b, [after('other', 'free')])
  const isUnavailable = { code: 'CAROM_STORE_UNAVAILABLE', message: /5 of 6 messages, the others were refused/ }
  await assert.rejects(consumer.settle([partly, whole]), isUnavailable)
  assert.deepEqual(await consumer.settle([whole]), ['settled'])
  for (let tries = 0; tries < 3; tries++) {
    await assert.rejects(consumer.settle([partly]), { message: /0 of 1 messages, the others were refused/ })
  }
  const taken = async (queue: string) => {
    const ids: unknown[] = []
    for (;;) {
      const message = await channel.basicGet({ queue, noAck: true })
      if (message === undefined) return ids
      ids.push(queue === 'replies' ? message.correlationId : message.headers?.id)
    }
  }
  assert.deepEqual(await taken('full'), ['filler'])
  assert.deepEqual(await consumer.settle([partly]), ['settled'])
  assert.deepEqual(await taken('full'), ['refused'])
  assert.deepEqual(await taken('free'), ['first', 'last', 'other'])
  assert.deepEqual(await taken('replies'), ['a', 'b'])
})

test('a broker closes while memory runs out', limits, async (t) => {
  const broker = await openBroker(server.url(await server.vhost()), { appName: 'test' })
  await broker.publish([outgoing({ id: 'a' })])
  await server.control('set_vm_memory_high_watermark', '0.00001')
  t.after(() => server.control('set_vm_memory_high_watermark', '0.4'))
  const refused = assert.rejects(broker.publish([outgoing({ id: 'b' })]), { code: 'CAROM_STORE_UNAVAILABLE' })
  const isBlocked = async () => /\bblocked\b/.test(await server.control('list_connections', 'state'))
  await until(isBlocked, { withinMs: 20_000, what: 'RabbitMQ has stopped reading' })
  const startedMs = performance.now()
  await broker.close()
  assert.ok(performance.now() - startedMs < 15_000, 'it waited for an answer')
  await refused
})

test('a link that is closed between two tries to connect makes no further one', limits, async (t) => {
  let tries = 0
  let refused = 0
  let isUp = false
  const front = createServer((client) => {
    tries++
    client.on('error', () => {})
    if (isUp) client.pipe(connect(server.port, '127.0.0.1').on('error', () => {})).pipe(client)
    else client.on('close', () => refused++).destroy()
  })
  t.after(() => front.close())
  await once(front.listen(0, '127.0.0.1'), 'listening')
  const { port } = front.address() as AddressInfo
  const link = new Link(parseAmqpUrl(server.url().replace(`:${server.port}/`, `:${port}/`)), 'test')
  const connecting = assert.rejects(link.connect(), { code: 'CAROM_STORE_CLOSED' })
  await until(() => refused === 4, { what: 'it has tried, and rests' })
  isUp = true
  await link.close()
  await connecting
  assert.equal(tries, 4)
})
