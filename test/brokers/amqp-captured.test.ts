/** What Celery 5.2 and 5.6 had put into RabbitMQ, put there again: tasks, results sent back, remote control. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import type { Channel } from 'rabbitmq-client'
import { openBroker } from '../../src/brokers/open.ts'
import type { TaskHeaders } from '../../src/message/message.ts'
import { readTask } from '../../src/message/task-message.ts'
import { openBackend } from '../../src/results/open.ts'
import { startWorker } from '../../src/worker/index.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { acked, claimCount, consumerOf } from '../conformance/store.ts'
import { projectRoot } from '../message/wire-fixtures.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { until } from '../support/wait.ts'
import { START } from '../worker/lab.ts'
import { WORKFLOW_APP } from '../worker/workflow-lab.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 40_000 }
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

/** One message, with its properties as AMQP names them. */
interface Captured {
  readonly name?: string
  readonly exchange?: string
  readonly routing_key?: string
  readonly properties: Readonly<Record<string, string | number>>
  readonly headers: Readonly<Record<string, unknown>>
  /** `null` for the one that was compressed: its bytes were not kept. */
  readonly body: string | null
}

const QUEUES = ['celery', 'other']
const EMBED = '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}'

function captured(file: string): Captured[] {
  const path = join(projectRoot(), 'test/fixtures/wire-amqp', `${file}.json`)
  return (JSON.parse(readFileSync(path, 'utf8')) as { messages: Captured[] }).messages
}

/** The day of the capture is over, or was not yet there: what had an eta is due, and expires in a minute. */
function timely({ headers }: Captured): Captured['headers'] {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString().replace('Z', '000+00:00')
  return headers.eta === null ? headers : { ...headers, eta: at(-1_000), expires: at(60_000) }
}

/** As kombu compresses what it calls `application/x-gzip`. */
const bodyOf = async ({ body }: Captured): Promise<Buffer> =>
  body === null ? promisify(deflate)(`[[2, 3], {}, ${EMBED}]`) : Buffer.from(body)

async function send(channel: Channel, to: { routingKey: string; exchange?: string }, message: Captured): Promise<void> {
  const { content_type, content_encoding, delivery_mode, correlation_id, reply_to, ...rest } = message.properties
  const names = { contentType: content_type, contentEncoding: content_encoding, correlationId: correlation_id }
  const properties = { ...names, replyTo: reply_to, durable: delivery_mode === 2, ...rest, ...to }
  await channel.basicPublish({ ...properties, headers: timely(message) } as never, await bodyOf(message))
}

async function place(t: TestContext) {
  const server = await rabbit()
  const url = server.url(await server.vhost())
  const broker = await openBroker(url, { appName: 'test' })
  afterwards(t, () => broker.close())
  const channel = await amqpChannel(t, url)
  for (const queue of QUEUES) await channel.queueDeclare({ queue, durable: true })
  return { url, broker, channel }
}

for (const version of ['52', '56']) {
  const messages = captured(`amqp-${version}-tasks`)

  test(
    `${version}: tasks are claimed with the headers, properties and bodies that they were sent with`,
    limits,
    async (t) => {
      const { broker, channel } = await place(t)
      const consumer = await consumerOf(broker, { queues: QUEUES })
      for (const message of messages) await send(channel, { routingKey: message.routing_key as string }, message)
      const deliveries = await claimCount(consumer, messages.length)
      for (const sent of messages) {
        const { message, queue } = deliveries.find((each) => each.message.headers.id === sent.headers.id) ?? {}
        assert.ok(message, `${sent.name} is claimed`)
        assert.equal(queue, sent.routing_key)
        const { eta, expires } = message.headers
        const times = sent.headers.eta === null ? {} : { eta, expires }
        assert.deepEqual({ ...message.headers }, { ...sent.headers, ...times })
        const { content_type, content_encoding, ...properties } = sent.properties
        assert.deepEqual([message.contentType, message.contentEncoding], [content_type, content_encoding])
        for (const [name, value] of Object.entries(properties))
          assert.equal(message.properties[name as never], value, `${sent.name}: ${name}`)
        assert.deepEqual(Buffer.from(message.body), await bodyOf(sent))
        const task = readTask(message)
        const [args, kwargs, embed] = JSON.parse(sent.body ?? `[[2, 3], {}, ${EMBED}]`)
        assert.deepEqual([task.args, task.kwargs, task.embed], [args, kwargs, embed])
      }
      const settled = await consumer.settle(deliveries.map((delivery) => acked(delivery)))
      assert.deepEqual(new Set(settled), new Set(['settled']))
    },
  )

  test(`${version}: a worker runs them, and answers where they say`, limits, async (t) => {
    const { url, channel } = await place(t)
    const plain = messages.filter(({ headers }) => headers.group === null)
    const replies = await channel.queueDeclare({ queue: String(plain[0]?.properties.reply_to), durable: true })
    process.env.CAROM_BROKER_URL = url
    process.env.CAROM_RESULT_BACKEND = 'rpc://'
    const worker = await startWorker({ app: WORKFLOW_APP, ...START, concurrency: 1, queues: QUEUES })
    afterwards(t, () => worker.stop('warm'))
    for (const message of plain) await send(channel, { routingKey: message.routing_key as string }, message)
    const values = new Map<unknown, unknown>()
    for (const _ of plain) {
      const raw = await until(() => channel.basicGet({ queue: replies.queue, noAck: true }), {
        what: 'the result is there',
        withinMs: 15_000,
      })
      const { task_id: id, status, result } = JSON.parse(String(raw.body))
      assert.deepEqual([id, status], [raw.correlationId, 'SUCCESS'])
      values.set(id, result)
    }
    const nameOf = (id: unknown) => plain.find(({ headers }) => headers.id === id)?.name
    assert.deepEqual(Object.fromEntries(Array.from(values, ([id, value]) => [nameOf(id), value])), EXPECTED)
  })
}

const EXPECTED = { simple: 5, countdown_expires_priority: 5, zlib: 5, other_queue: 3 }

test('56: results that were sent back are read, also one that failed', limits, async (t) => {
  const { url, channel } = await place(t)
  const backend = await openBackend(url, { appName: 'test' })
  afterwards(t, () => backend.close())
  assert.ok(backend.replies)
  const routingKey = await backend.replies.open()
  const messages = captured('amqp-56-replies')
  const ids = [...new Set(messages.map(({ properties }) => String(properties.correlation_id)))]
  backend.replies.expect(ids)
  for (const message of messages) await send(channel, { routingKey }, message)
  const signal = AbortSignal.timeout(10_000)
  const [success, failure] = await Promise.all(ids.map((id) => backend.wait(id, { signal })))
  assert.deepEqual([success?.status, String(success && Buffer.from(success.result))], ['SUCCESS', '5'])
  assert.equal(failure?.status, 'FAILURE')
  const raised = { exc_type: 'ValueError', exc_message: ['x', 42], exc_module: 'builtins' }
  assert.deepEqual(JSON.parse(String(Buffer.from(failure.result))), raised)
  assert.match(failure.traceback ?? '', /^Traceback[\s\S]*ValueError: \('x', 42\)\n$/)
})

test('56: a ping is answered as a Python worker answers it', limits, async (t) => {
  const { broker, channel } = await place(t)
  const [request, reply] = captured('amqp-56-ping')
  assert.ok(request && reply)
  await broker.mailbox.serve('carom@here', async ({ method }) => ({ ok: method === 'ping' ? 'pong' : method }))
  const { ticket, reply_to: to } = JSON.parse(String(request.body))
  await channel.exchangeDeclare({ exchange: to.exchange, type: 'direct', durable: false })
  const { queue } = await channel.queueDeclare({ exclusive: true })
  await channel.queueBind({ queue, exchange: to.exchange, routingKey: to.routing_key })
  await send(channel, { routingKey: '', exchange: request.exchange as string }, request)
  const raw = await until(() => channel.basicGet({ queue, noAck: true }), { what: 'the reply is there' })
  const { contentType, contentEncoding, priority, headers } = raw
  assert.deepEqual({ content_type: contentType, content_encoding: contentEncoding, priority }, without(reply))
  assert.equal((headers as TaskHeaders & { ticket: unknown }).ticket, ticket)
  assert.deepEqual(Object.keys(headers ?? {}).sort(), Object.keys(reply.headers).sort())
  assert.deepEqual(JSON.parse(String(raw.body)), { 'carom@here': { ok: 'pong' } })
})

/** Whether a message outlives the broker says RabbitMQ's client in another way. */
function without({ properties }: Captured): Record<string, unknown> {
  const { delivery_mode: _, ...rest } = properties
  return rest
}
