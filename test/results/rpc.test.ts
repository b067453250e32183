/** Results as messages: who gets them, and what becomes of them while nobody can. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { Carom } from '../../src/index.ts'
import { openBackend } from '../../src/results/open.ts'
import { KeptResults } from '../../src/results/rpc/kept-results.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { acked, claimOne, consumerOf, meta } from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { until } from '../support/wait.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 20_000 }
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

test('every task says where its result has to go, and the result gets there with the ack', limits, async (t) => {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const app = new Carom('shop', { broker: url })
  const broker = await openBroker(url, { appName: 'shop' })
  afterwards(t, () => Promise.all([app.close(), broker.close()]))
  const add = app.remoteTask<(a: number, b: number) => number>('shop.add', { queue: 'q' })
  const sent = await add.delay(2, 3)
  const consumer = await consumerOf(broker)
  const delivery = await claimOne(consumer)
  const { reply_to: to, correlation_id: correlationId } = delivery.message.properties
  assert.equal(correlationId, sent.id)
  const result = meta(sent.id, { children: ['child'], reply: { to: to as string, correlationId: sent.id } })
  assert.deepEqual(await consumer.settle([acked(delivery, { result })]), ['settled'])
  assert.equal(await sent.get({ timeoutMs: 5_000 }), 5)
  assert.deepEqual((await sent.meta()).children, ['child'])
  const another = app.result('somebody-else')
  await assert.rejects(another.get({ timeoutMs: 1_000 }), { code: 'CAROM_RESULT_ELSEWHERE', taskId: 'somebody-else' })
  await assert.rejects(another.state(), { code: 'CAROM_RESULT_ELSEWHERE' })
})

test("a result on the wire is Celery's, and one without a reader is nobody's", limits, async (t) => {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const backend = await openBackend(`${url}?persistentResults=true`, { appName: 'shop' })
  afterwards(t, () => backend.close())
  const channel = await amqpChannel(t, url)
  const { queue } = await channel.queueDeclare({ queue: 'oid', autoDelete: false })
  const failure = Buffer.from('{"exc_type":"ValueError","exc_message":["x"],"exc_module":"builtins"}')
  const reply = { to: queue, correlationId: 'c-1' }
  await backend.save([
    meta('t-1', { status: 'FAILURE', result: failure, traceback: 'Trace "x"', children: ['a'], reply }),
    meta('t-2', { reply: { to: 'nobody', correlationId: 't-2' } }),
    meta('t-3'),
  ])
  const raw = await until(() => channel.basicGet(queue), { what: 'the result is there' })
  assert.deepEqual([raw.correlationId, raw.contentType, raw.contentEncoding], ['c-1', 'application/json', 'utf-8'])
  assert.equal(raw.durable, true)
  assert.deepEqual(JSON.parse(String(raw.body)), {
    task_id: 't-1',
    status: 'FAILURE',
    result: { exc_type: 'ValueError', exc_message: ['x'], exc_module: 'builtins' },
    traceback: 'Trace "x"',
    children: [[['a', null], null]],
  })
})

test(
  'results that come while the connection is lost are there when it is back; junk is passed over',
  limits,
  async (t) => {
    const server = await rabbit()
    const url = server.url(await server.vhost())
    const backend = await openBackend(url, { appName: 'shop' })
    afterwards(t, () => backend.close())
    const to = (await backend.replies?.open()) as string
    backend.replies?.expect(['a'])
    const { signal } = new AbortController()
    const waiting = backend.wait('a', { signal })
    await server.control('close_all_connections', '--global', 'for a test')
    const channel = await amqpChannel(t, url)
    for (const junk of ['', 'null', '{', '{"task_id":1}', '{"task_id":"a","status":"NONSENSE"}']) {
      await channel.basicPublish({ routingKey: to, contentEncoding: 'utf-8' } as never, Buffer.from(junk))
    }
    const good = '{"task_id": "a", "status": "SUCCESS", "result": NaN, "traceback": null, "children": null}'
    await channel.basicPublish({ routingKey: to, contentEncoding: 'utf-8' } as never, Buffer.from(good))
    const { status, result } = await waiting
    assert.deepEqual([status, Buffer.from(result).toString()], ['SUCCESS', 'NaN'])
  },
)

test('whoever waits for a result gets it, however many tasks were sent after that one', limits, async (t) => {
  const server = await rabbit()
  const backend = await openBackend(server.url(await server.vhost()), { appName: 'shop' })
  afterwards(t, () => backend.close())
  const { replies } = backend
  assert.ok(replies)
  const to = await replies.open()
  replies.expect(['first'])
  const waiting = backend.wait('first', { signal: AbortSignal.timeout(10_000) })
  replies.expect(Array.from({ length: 100_000 }, (_, index) => String(index)))
  await backend.save([meta('first', { reply: { to, correlationId: 'first' } })])
  assert.equal((await waiting).status, 'SUCCESS')
})

test('whoever waits for a result in another serializer is told that it cannot be read', limits, async (t) => {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const app = new Carom('shop', { broker: url })
  const broker = await openBroker(url, { appName: 'shop' })
  afterwards(t, () => Promise.all([app.close(), broker.close()]))
  const sent = await app.remoteTask<() => number>('shop.sum', { queue: 'q' }).delay()
  const { message } = await claimOne(await consumerOf(broker))
  const { reply_to: routingKey = '', correlation_id: correlationId } = message.properties
  const channel = await amqpChannel(t, url)
  const properties = { routingKey, correlationId, contentType: 'application/x-msgpack', contentEncoding: 'binary' }
  await channel.basicPublish(properties as never, Buffer.from([0x81, 0xa6]))
  await assert.rejects(sent.get({ timeoutMs: 5_000 }), { message: /cannot be used: it is not JSON/ })
})

test('kept results count with their tracebacks and children, and what is forgotten makes room', () => {
  const kept = new KeptResults()
  const large = 'x'.repeat(40 * 1024 * 1024)
  kept.expect(['a', 'b', 'c'])
  kept.keep(meta('a', { status: 'FAILURE', traceback: large }))
  kept.forget('a')
  kept.keep(meta('b', { status: 'FAILURE', children: [large] }))
  assert.equal(kept.get('b')?.children.length, 1)
  kept.keep(meta('c', { status: 'FAILURE', traceback: large }))
  assert.deepEqual([kept.isExpected('a'), kept.isExpected('b'), kept.get('c')?.taskId], [true, false, 'c'])
})
