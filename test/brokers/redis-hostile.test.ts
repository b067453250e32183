/** What strangers push into a list: each is set aside once with its reason, and good messages flow. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { acked, claimCount, claimOne, consumerOf, idsOf, numbered, outgoing } from '../conformance/store.ts'
import { captured } from '../message/wire-fixtures.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 30_000 }

const valid = JSON.parse(captured('redis-52-task-simple').raw)
const changed = (change: object) => JSON.stringify({ ...valid, ...change })
const GARBAGE: readonly (string | Buffer)[] = [
  '',
  'null',
  '[]',
  '7',
  '"text"',
  '{',
  '{}',
  '{"body":1}',
  ']"',
  `{"a":${'['.repeat(100_000)}`,
  `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  Buffer.from([0xff, 0xfe, 0x00, 0x22]),
  Buffer.concat([Buffer.from('{"body":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
  changed({ body: 7 }),
  changed({ body: 'not base64!' }),
  changed({ headers: [] }),
  changed({ properties: 'x' }),
  changed({ properties: { ...valid.properties, delivery_info: 'x' } }),
  changed({ properties: { ...valid.properties, priority: 'high' } }),
  changed({ properties: { ...valid.properties, body_encoding: 'rot13' } }),
  changed({ 'content-type': null }),
]

test(
  'garbage in a queue is set aside word for word with its reason, and leaves nothing for kombu to choke on',
  options,
  async (t) => {
    const { broker, client } = await redis.place(t)
    for (const [index, garbage] of GARBAGE.entries()) {
      await client.lpush('q', garbage)
      await broker.publish(numbered([index]))
    }
    const consumer = await consumerOf(broker)
    const good = await claimCount(consumer, GARBAGE.length)
    assert.deepEqual(
      idsOf(good),
      GARBAGE.map((_, index) => String(index)),
    )
    const aside = () => broker.quarantine.list()
    await until(async () => (await aside()).length === GARBAGE.length, { what: 'all of it is set aside' })
    assert.equal(await client.hlen('unacked'), good.length)
    for (const { reason, taskId, queue } of await aside()) {
      assert.match(reason, /^Message .*cannot be used: /)
      assert.ok(taskId.length > 0 && queue === 'q')
    }
    const bytes = (await aside()).map(({ message }) => Buffer.from(message.body))
    const mark = bytes.find((body) => body.equals(Buffer.from([0xff, 0xfe, 0x00, 0x22])))
    assert.ok(mark, 'the bytes are not those that came')
    await consumer.settle(good.map((delivery) => acked(delivery)))
    assert.deepEqual(await broker.depths(), [])
    // Another try brings all of it back here, and what is dropped is gone.
    const ids = (await aside()).map(({ taskId }) => taskId)
    const over = new AbortController()
    const claiming = consumer.claim(1, { signal: over.signal })
    assert.equal(await broker.quarantine.replay(ids), GARBAGE.length)
    await until(async () => (await aside()).length === GARBAGE.length, { what: 'all of it is set aside again' })
    over.abort()
    assert.deepEqual(await claiming, [])
    assert.equal(await broker.quarantine.drop((await aside()).map(({ taskId }) => taskId)), GARBAGE.length)
    assert.equal(await client.hlen('unacked'), 0)
  },
)

test('random changes to a real envelope are claimed or set aside, and never get in the way', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const seed = randomBytes(4).readUInt32LE()
  t.diagnostic(`seed ${seed}`)
  const random = generator(seed)
  const count = 3_000
  const text = Buffer.from(captured('redis-56-task-link').raw)
  for (let done = 0; done < count; done += 500) {
    await client.lpush('q', ...Array.from({ length: 500 }, () => mutated(text, random)))
  }
  const consumer = await consumerOf(broker)
  let claimed = 0
  const ending = AbortSignal.timeout(20_000)
  while ((await broker.depths()).length > 0) {
    const deliveries = await consumer.claim(100, { signal: AbortSignal.any([ending, AbortSignal.timeout(200)]) })
    claimed += deliveries.length
    await consumer.settle(deliveries.map((delivery) => acked(delivery)))
    assert.equal(ending.aborted, false, `it hangs: seed ${seed}`)
  }
  assert.equal(claimed + (await broker.quarantine.list()).length, count, `seed ${seed}`)
  assert.equal(await client.hlen('unacked'), 0)
})

test('a message of the first protocol is claimed as what it is', options, async (t) => {
  const { broker, client } = await redis.place(t)
  await client.lpush('q', captured('redis-52-task-v1').raw)
  const { message } = await claimOne(await consumerOf(broker))
  const body = JSON.parse(Buffer.from(message.body).toString())
  assert.equal(message.headers.task, body.task)
  assert.equal(message.headers.id, body.id)
})

test('strange fields, lists and queues of others are left alone', options, async (t) => {
  const { broker, client } = await redis.place(t)
  await client.hset('unacked', 'carom.0123456789abcdef01.x.0.99.q', 'garbage', 'carom.x', '', 'tag', '{}')
  await client.zadd('carom.leases', 1, 'carom.0123456789abcdef01.x.0.99.q', 1, 'carom.x', 1, 'nothing there')
  await client.zadd('carom.due', 1, 'carom.0123456789abcdef02.x.0.9999.q', 1, 'carom.y')
  await client.sadd('carom.queues', 'a list that is a set')
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'a' })])
  assert.deepEqual(idsOf([await claimOne(consumer)]), ['a'])
  for (const queue of ['unacked', 'unacked_index', 'carom.due', '_kombu.binding.q', 'celery-task-meta-a']) {
    await assert.rejects(broker.publish([outgoing({ queue })]), { code: 'CAROM_MESSAGE_INVALID' })
    await assert.rejects(consumerOf(broker, { queues: [queue] }), RangeError)
  }
  await client.set('r', 'text')
  await assert.rejects(broker.publish([outgoing({ queue: 'r' })]), { code: 'CAROM_STORE_UNAVAILABLE' })
  // A list of another type keeps nothing else from being claimed.
  const both = await consumerOf(broker, { queues: ['r', 'q'] })
  await broker.publish([outgoing({ id: 'b' })])
  assert.deepEqual(idsOf([await claimOne(both)]), ['b'])
})

function mutated(text: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(text)
  const changes = 1 + Math.floor(random() * 4)
  for (let change = 0; change < changes; change++) {
    const at = Math.floor(random() * bytes.length)
    const kind = random()
    if (kind < 0.5) bytes[at] = Math.floor(random() * 256)
    else if (kind < 0.8) bytes.copy(bytes, at, Math.floor(random() * bytes.length))
    else return bytes.subarray(0, at)
  }
  return bytes
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
