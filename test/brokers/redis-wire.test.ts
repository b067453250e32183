/** What lies in Redis, key by key: it has to be what kombu and Celery put there and expect there. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { restoreForeign } from '../../src/brokers/redis/foreign.ts'
import {
  acked,
  claimCount,
  claimOne,
  consumerOf,
  idsOf,
  meta,
  numbered,
  outgoing,
  released,
} from '../conformance/store.ts'
import { captured } from '../message/wire-fixtures.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile, storeWith } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 20_000 }
const SEPARATOR = '\x06\x16'

test('a message lies in the list of its queue and step, as Celery writes it', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const sample = JSON.parse(captured('redis-52-task-simple').raw)
  const { correlation_id, reply_to, delivery_mode, priority } = sample.properties
  const properties = { correlation_id, reply_to, delivery_mode, priority }
  const body = Buffer.from(sample.body, 'base64')
  await broker.publish([outgoing({ queue: 'celery', headers: sample.headers, properties, body })])
  const envelope = JSON.parse((await client.lindex('celery', 0)) as string)
  assert.match(envelope.properties.delivery_tag, /^[0-9a-f-]{36}$/)
  envelope.properties.delivery_tag = sample.properties.delivery_tag
  assert.deepEqual(envelope, { ...sample, headers: { ...sample.headers } })
  assert.deepEqual(await client.smembers('_kombu.binding.celery'), [`celery${SEPARATOR}${SEPARATOR}celery`])
})

test('a message without properties still has all that a Python worker dies without', options, async (t) => {
  const { broker, client } = await redis.place(t)
  await broker.publish([outgoing({ properties: {} })])
  const { properties } = JSON.parse((await client.lindex('q', 0)) as string)
  assert.deepEqual(properties.delivery_info, { exchange: '', routing_key: 'q' })
  assert.equal(properties.body_encoding, 'base64')
  assert.equal(typeof properties.delivery_tag, 'string')
})

test('priorities lie in the four lists of kombu, and depths and purge count them all', options, async (t) => {
  const { broker, client } = await redis.place(t)
  for (const priority of [0, 2, 3, 5, 6, 8, 9, 255]) await broker.publish([outgoing({ properties: { priority } })])
  const lists = ['q', ...[3, 6, 9].map((step) => `q${SEPARATOR}${step}`)]
  assert.deepEqual(await Promise.all(lists.map((list) => client.llen(list))), [2, 2, 2, 2])
  assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 8, delayed: 0, claimed: 0 }])
  assert.equal(await broker.purge('q'), 8)
})

test(
  'a claimed message lies in unacked word for word, with the exchange and queue it came from',
  options,
  async (t) => {
    const { broker, client } = await redis.place(t)
    const queue = 'qü "1"'
    await broker.publish([outgoing({ queue, id: 'a', headers: { 'x-text': 'ü\n"' } })])
    const envelope = await client.lindex(queue, 0)
    const consumer = await consumerOf(broker, { queues: [queue], leaseMs: 30_000 })
    const { token } = await claimOne(consumer)
    assert.deepEqual(await client.hkeys('unacked'), [token])
    assert.equal(await client.hget('unacked', token), `[${envelope}, "", ${JSON.stringify(queue)}]`)
    const inSeconds = Number(await client.zscore('unacked_index', token)) - Date.now() / 1000
    assert.ok(inSeconds > 25 && inSeconds < 31, `kombu would give it back after ${inSeconds} s and its timeout`)
    await client.zadd('unacked_index', 1, token)
    assert.deepEqual(await consumer.renew([token]), [])
    assert.ok(Number(await client.zscore('unacked_index', token)) > Date.now() / 1000 + 25)
    await consumer.settle([released({ token } as never)])
    assert.equal(await client.lindex(queue, 0), envelope)
  },
)

test('nothing is left of messages that have ended, and every key of ours has a lifetime', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const consumer = await consumerOf(broker)
  const eta = new Date(Date.now() + 500).toISOString()
  await broker.publish([...numbered([1, 2, 3]), ...numbered([4, 5], { headers: { eta } })])
  const three = await claimCount(consumer, 3)
  const [one, two, other] = three
  assert.ok(one && two && other)
  const later = consumer.claim(1, { signal: AbortSignal.timeout(50) })
  await until(async () => (await client.zcard('carom.due')) === 2, { what: 'both are parked' })
  assert.deepEqual(await later, [])
  await consumer.settle([acked(one), { ...acked(two), end: { type: 'quarantine', reason: 'x' } }, released(other)])
  const ours = await client.keys('carom.*')
  assert.deepEqual(ours.sort(), ['carom.due', 'carom.quarantine', 'carom.queues'])
  for (const key of ours) assert.ok((await client.pttl(key)) > 0, `${key} has no lifetime`)
  const rest = await claimCount(consumer, 3)
  for (const key of await client.keys('carom.*')) assert.ok((await client.pttl(key)) > 0, `${key} has no lifetime`)
  await consumer.settle(rest.map((delivery) => acked(delivery)))
  await broker.quarantine.drop(['2'])
  assert.deepEqual((await client.keys('*')).sort(), ['_kombu.binding.q', 'carom.queues'])
})

test('a prefix stands before every key, and before results as Celery has it', options, async (t) => {
  const query = '?globalKeyprefix=shop&resultExpiresMs=60000'
  const { consumer, backend, client, claimed } = await redis.holding(t, ['a', 'b'], query)
  await consumer.settle([acked(claimed[0], { result: meta('a') })])
  assert.equal((await backend.load(['a']))[0]?.status, 'SUCCESS')
  const keys = (await client.keys('*')).sort()
  assert.deepEqual(
    keys.filter((key) => !key.startsWith('shop')),
    [],
  )
  assert.ok(keys.includes('shop_celery-task-meta-a'))
  const ttl = await client.pttl('shop_celery-task-meta-a')
  assert.ok(ttl > 50_000 && ttl <= 60_000)
})

test(
  'a claim that somebody else has given back is lost: nothing is stored and nothing published',
  options,
  async (t) => {
    const { consumer, backend, client, claimed } = await redis.holding(t, ['a', 'b'])
    const [a, b] = claimed
    // As kombu gives a message back.
    await client.multi().zrem('unacked_index', a.token).hdel('unacked', a.token).exec()
    assert.deepEqual(await consumer.renew([a.token, b.token]), [a.token])
    const late = acked(a, { result: meta('a'), next: [outgoing({ id: 'never' })] })
    assert.deepEqual(await consumer.settle([late, acked(b)]), ['lost', 'settled'])
    assert.deepEqual(await backend.load(['a']), [null])
    assert.equal(await client.llen('q'), 0)
  },
)

test('no claim of ours is given back by the rule for others while its lease runs', options, async (t) => {
  const { url, client } = await redis.holding(t, ['a'])
  const store = storeWith(t, url, { visibilityTimeoutMs: 0 })
  assert.equal(await restoreForeign(store), 0)
  assert.equal(await client.exists('unacked_mutex'), 0)
  // One at a time, whoever it is.
  await client.set('unacked_mutex', 'another worker', 'PX', 5_000)
  assert.equal(await restoreForeign(store), 0)
  assert.equal(await client.get('unacked_mutex'), 'another worker')
})

test('a message whose worker is gone comes back once, counted, marked and with its priority', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const lost = await consumerOf(broker, { leaseMs: 50 })
  await broker.publish([
    outgoing({ id: 'a', properties: { priority: 6 } }),
    outgoing({ id: 'b', properties: { priority: 3 } }),
  ])
  await claimCount(lost, 2)
  const others = await Promise.all([consumerOf(broker), consumerOf(broker)])
  const back = (await Promise.all(others.map((consumer) => claimOne(consumer)))).sort((one, other) =>
    one.message.headers.id < other.message.headers.id ? -1 : 1,
  )
  assert.deepEqual(idsOf(back), ['a', 'b'])
  assert.deepEqual(
    back.map(({ counts }) => counts.deliveries),
    [2, 2],
  )
  const [envelope] = JSON.parse((await client.hget('unacked', back[0]?.token as string)) as string)
  assert.equal(envelope.headers.redelivered, true)
  assert.equal(envelope.properties.delivery_info.redelivered, true)
  assert.deepEqual(envelope.headers['x-carom-counts'], [1, 0, 0])
  assert.equal('x-carom-counts' in (back[0]?.message.headers ?? {}), false)
})

test('a producer that only pushes into the list wakes a worker that waits', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing()])
  const envelope = (await client.lindex('q', 0)) as string
  await consumer.settle([acked(await claimOne(consumer))])
  const latencies: number[] = []
  for (let round = 0; round < 100; round++) {
    const claiming = claimOne(consumer)
    await until(async () => /redir=[0-9]/.test(String(await client.client('LIST'))), { what: 'it watches the list' })
    const pushedMs = performance.now()
    await client.lpush('q', envelope)
    const delivery = await claiming
    latencies.push(performance.now() - pushedMs)
    await consumer.settle([acked(delivery)])
  }
  const median = latencies.sort((a, b) => a - b)[50] as number
  assert.ok(median < 100, `it took ${median} ms: the slow look has found it, not the wake-up`)
})

test('what becomes due again is first offered to others who wait: a worker that knows the task', options, async (t) => {
  const { consumer, client, claimed } = await redis.holding(t, ['foreign'])
  await consumer.settle([released(claimed[0], 'foreign', 100)])
  const ending = new AbortController()
  const claiming = consumer.claim(1, { signal: ending.signal })
  // As a Python worker that is idle.
  const [, envelope] = (await client.brpop('q', 10)) ?? []
  assert.equal(JSON.parse(envelope as string).headers.id, 'foreign')
  assert.deepEqual(JSON.parse(envelope as string).headers['x-carom-counts'], [1, 0, 1])
  ending.abort()
  assert.deepEqual(await claiming, [])
})

test('a claim of big messages ends before it is too big', options, async (t) => {
  const { broker } = await redis.place(t)
  const body = Buffer.alloc(3_000_000, 32)
  for (let index = 0; index < 5; index++) await broker.publish([outgoing({ id: String(index), body })])
  const consumer = await consumerOf(broker)
  const { signal } = new AbortController()
  const first = await consumer.claim(5, { signal })
  assert.ok(first.length >= 2 && first.length < 5, `it took ${first.length}`)
  assert.equal(first[0]?.message.body.byteLength, body.byteLength)
  assert.equal((await claimCount(consumer, 5 - first.length)).length, 5 - first.length)
})

test('scripts that the server has lost are told to it again', options, async (t) => {
  const { broker, backend, client } = await redis.place(t)
  const consumer = await consumerOf(broker)
  for (const id of ['a', 'b']) {
    await client.script('FLUSH')
    await broker.publish([outgoing({ id }), outgoing({ id: `${id}2` })])
    await client.script('FLUSH')
    const deliveries = await claimCount(consumer, 2)
    await client.script('FLUSH')
    await consumer.settle(deliveries.map((delivery) => acked(delivery, { result: meta(delivery.message.headers.id) })))
    assert.equal((await backend.load([id]))[0]?.status, 'SUCCESS')
  }
})

test('a call of thousands of messages goes behind what is there, and lives as long', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const many = Array.from({ length: 2_500 }, (_, index) => index)
  await broker.publish(numbered(['first'], { queue: 'a' }))
  await broker.publish([...numbered(many, { queue: 'a' }), ...numbered(many, { queue: 'b' })])
  for (const queue of ['a', 'b']) assert.equal(await client.pttl(queue), -1)
  const ofA = await claimCount(await consumerOf(broker, { queues: ['a'] }), 2_501)
  assert.deepEqual(idsOf(ofA), ['first', ...many.map(String)])
  const ofB = await claimCount(await consumerOf(broker, { queues: ['b'] }), 2_500)
  assert.deepEqual(idsOf(ofB), many.map(String))
})

test('a call of thousands of messages is all there at once, in order', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const ids = Array.from({ length: 6_000 }, (_, index) => index)
  const watching = client.duplicate()
  t.after(() => watching.disconnect())
  const seen = new Set<number>()
  let done = false
  const watch = (async () => {
    while (!done) seen.add(await watching.llen('q'))
  })()
  await broker.publish(numbered(ids))
  done = true
  await watch
  for (const length of seen) assert.ok(length === 0 || length === ids.length, `${length} were there`)
  assert.deepEqual(idsOf(await claimCount(await consumerOf(broker), ids.length)), ids.map(String))
  assert.deepEqual(
    (await client.keys('*')).filter((key) => key.startsWith('carom.queues.')),
    [],
  )
})
