/** Envelopes that are too large to be read: each is set aside without being read, and holds up nobody. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { oversize } from '../../src/brokers/redis/envelope-size.ts'
import { restoreForeign } from '../../src/brokers/redis/foreign.ts'
import { acked, claimOne, consumerOf, idsOf, meta, numbered, outgoing, released } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile, storeWith } from './redis-place.ts'

const redis = redisForFile(['--appendonly', 'no'])
const options = { skip: noRedis, timeout: 30_000 }
const MIB = 1024 * 1024
const TOO_LARGE = Buffer.alloc(90 * MIB, 'x')
/** As it is with many headers, each small. */
const MANY_PARTS = Buffer.from(
  `{"body":"","content-type":"x","headers":{"h":[${'[],'.repeat(7 * MIB)}[]]},"properties":{}}`,
)

/** What `work` gives, and for how long at most the event loop was held up meanwhile. */
async function holdUpMs<T>(work: Promise<T>): Promise<{ value: T; heldUpMs: number }> {
  let lastMs = performance.now()
  let heldUpMs = 0
  const beat = setInterval(() => {
    heldUpMs = Math.max(heldUpMs, performance.now() - lastMs)
    lastMs = performance.now()
  }, 10)
  try {
    const value = await work
    return { value, heldUpMs: Math.max(heldUpMs, performance.now() - lastMs) }
  } finally {
    clearInterval(beat)
  }
}

test('megabytes of small values are set aside before they are read', options, async (t) => {
  const { broker, client } = await redis.place(t)
  await client.lpush('q', MANY_PARTS)
  await broker.publish(numbered(['good']))
  const consumer = await consumerOf(broker)
  const { value, heldUpMs } = await holdUpMs(claimOne(consumer))
  assert.deepEqual(idsOf([value]), ['good'])
  assert.ok(heldUpMs < 1_500, `the event loop was held up for ${heldUpMs} ms`)
  const [entry] = await broker.quarantine.list()
  assert.match(entry?.reason ?? '', /more than 1048576 bytes beside its longest text/)
  assert.deepEqual(await client.hkeys('unacked'), [value.token])
})

test('an envelope too large to be fetched is kept word for word, replayed and dropped', options, async (t) => {
  const { broker, client } = await redis.place(t)
  await client.lpush('q', TOO_LARGE)
  await broker.publish(numbered(['good']))
  const consumer = await consumerOf(broker)
  await consumer.settle([acked(await claimOne(consumer))])
  const [entry] = await broker.quarantine.list()
  assert.match(entry?.reason ?? '', /has 94371840 bytes, more than/)
  assert.equal(entry?.message.body.byteLength, 4096)
  const [id = ''] = await client.hkeys('carom.quarantine')
  assert.equal(await client.hstrlen('carom.quarantine.large', id), TOO_LARGE.byteLength)
  assert.ok((await client.pttl('carom.quarantine.large')) > 0)
  // Tried again it comes back.
  assert.equal(await broker.quarantine.replay([entry?.taskId ?? '']), 1)
  assert.equal(await client.exists('carom.quarantine', 'carom.quarantine.large'), 0)
  assert.equal(await client.llen('q'), 1)
  assert.deepEqual(await consumer.claim(1, { signal: AbortSignal.timeout(500) }), [])
  const again = async () => (await broker.quarantine.list())[0]?.taskId
  const taskId = await until(again, { what: 'it is set aside again' })
  assert.equal(await broker.quarantine.drop([taskId]), 1)
  assert.equal(await client.exists('carom.quarantine', 'carom.quarantine.large', 'unacked'), 0)
})

test('what a dead worker held is given back or set aside by the same rule', options, async (t) => {
  const { broker, client, url } = await redis.place(t)
  const field = (index: number) => `carom.0123456789abcdef0${index}.x.0.9.q`
  for (const [index, envelope] of [TOO_LARGE, MANY_PARTS].entries()) {
    await client.hset('unacked', field(index), Buffer.concat([Buffer.from('['), envelope, Buffer.from(', "", "q"]')]))
    await client.zadd('carom.leases', 1, field(index))
    await client.hset(
      'unacked',
      `python-${index}`,
      Buffer.concat([Buffer.from('['), envelope, Buffer.from(', "", "q"]')]),
    )
    await client.zadd('unacked_index', 1, `python-${index}`)
  }
  const store = storeWith(t, url, { visibilityTimeoutMs: 1_000 })
  const restoring = await holdUpMs(restoreForeign(store))
  assert.ok(restoring.heldUpMs < 1_500, `the event loop was held up for ${restoring.heldUpMs} ms`)
  assert.equal(restoring.value, 0)
  const consumer = await consumerOf(broker)
  const { heldUpMs } = await holdUpMs(consumer.claim(1, { signal: AbortSignal.timeout(1_000) }))
  assert.ok(heldUpMs < 1_500, `the event loop was held up for ${heldUpMs} ms`)
  await until(async () => (await client.hlen('carom.quarantine.large')) === 2, { what: 'both are set aside' })
  assert.deepEqual((await client.hkeys('unacked')).sort(), ['python-0', 'python-1'])
})

test('a large body is no large envelope, and goes all ways', options, async (t) => {
  const { broker } = await redis.place(t)
  const body = Buffer.alloc(20 * MIB, 'y')
  await broker.publish([outgoing({ id: 'a', body })])
  const consumer = await consumerOf(broker)
  await consumer.settle([released(await claimOne(consumer), 'crash')])
  const { message, counts, token } = await claimOne(consumer)
  assert.ok(body.equals(message.body))
  assert.equal(counts.crashes, 1)
  await consumer.settle([{ token, result: meta('a'), next: [], end: { type: 'ack' } }])
  const headers = { note: Array.from({ length: 400_000 }, () => 'ab') }
  await assert.rejects(broker.publish([outgoing({ headers })]), { code: 'CAROM_MESSAGE_INVALID' })
})

test('what lies beside the longest text is measured', () => {
  const text = JSON.stringify({ body: 'x"\\'.repeat(2 * MIB), note: 'y'.repeat(MIB / 2) })
  assert.equal(oversize(Buffer.from(text)), null)
  for (const beside of ['z'.repeat(MIB / 2), '"'.repeat(MIB), ' ', '\\'.repeat(MIB)]) {
    const more = `${text}${beside === ' ' ? ' '.repeat(MIB) : JSON.stringify(beside)}`
    assert.match(oversize(Buffer.from(more))?.message ?? '', /beside its longest text/)
  }
  assert.equal(oversize(Buffer.from('x'.repeat(MIB))), null)
  assert.notEqual(oversize(Buffer.from('x'.repeat(MIB + 1))), null)
  assert.notEqual(oversize(Buffer.from(''), 1024 * MIB), null)
})
