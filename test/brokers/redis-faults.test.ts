/** A Redis that breaks off, stops, refuses and fills up. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Redis } from 'ioredis'
import type { Broker, Consumer, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import type { CaromErrorCode } from '../../src/errors.ts'
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
import { noRedis, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 30_000 }
const QUICK = '?commandTimeoutMs=500'

/** Publishes until the store takes it again, as whoever sends a task would. */
async function publishAtLast(broker: Broker, id: string): Promise<void> {
  const publish = () =>
    broker.publish([outgoing({ id })]).then(
      () => true,
      () => false,
    )
  await until(publish, { what: `${id} is published`, withinMs: 10_000 })
}

/** Claims as a worker does: an error is followed by another try. */
async function claimAtLast(consumer: Consumer): Promise<Delivery> {
  return until(() => claimOne(consumer).catch(() => null), { what: 'a message is claimed', withinMs: 10_000 })
}

async function refused(work: Promise<unknown>, code: CaromErrorCode, text: RegExp): Promise<void> {
  await assert.rejects(work, (error: Error & { code?: string }) => {
    assert.equal(error.code, code)
    assert.match(error.message, text)
    return true
  })
}

test('connections that are killed again and again are made anew, and what is published arrives', options, async (t) => {
  const { broker, backend, client } = await redis.place(t)
  const consumer = await consumerOf(broker)
  for (let round = 0; round < 20; round++) {
    const id = `task-${round}`
    const claiming = claimAtLast(consumer)
    const waiting = backend.wait(id, { signal: AbortSignal.timeout(15_000) })
    await client.call('CLIENT', 'KILL', 'TYPE', round % 2 === 0 ? 'normal' : 'pubsub', 'SKIPME', 'yes')
    await publishAtLast(broker, id)
    // A publish that was broken off may have happened, and is there twice.
    let delivery = await claiming
    while (delivery.message.headers.id !== id) delivery = await claimAtLast(consumer)
    await consumer.settle([acked(delivery, { result: meta(id) })])
    assert.equal((await waiting).status, 'SUCCESS')
  }
})

test('a waiting consumer hears of messages after its subscription was killed', options, async (t) => {
  const { broker, consumer, client } = await redis.holding(t, ['first'])
  for (let round = 0; round < 5; round++) {
    const claiming = claimOne(consumer)
    await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await broker.publish([outgoing({ id: String(round) })])
    assert.equal((await claiming).message.headers.id, String(round))
  }
})

test('a server that was killed comes back with its data: claims stand, and consumers go on', options, async (t) => {
  const { server, broker, backend } = await ownPlace(t)
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(['a', 'b']))
  const a = await claimOne(consumer)
  await server.kill()
  await refused(broker.publish([outgoing()]), 'CAROM_STORE_UNAVAILABLE', /Check that it runs/)
  const startedMs = performance.now()
  await refused(consumer.renew([a.token]), 'CAROM_STORE_UNAVAILABLE', /127\.0\.0\.1/)
  assert.ok(performance.now() - startedMs < 5_000, 'it did not end in time')
  const waiting = backend.wait('a', { signal: AbortSignal.timeout(15_000) })
  await server.start()
  const stands = () =>
    consumer.renew([a.token]).then(
      (lost) => lost.length === 0,
      () => false,
    )
  await until(stands, { what: 'the claim stands' })
  assert.deepEqual(await consumer.settle([acked(a, { result: meta('a') })]), ['settled'])
  assert.equal((await waiting).status, 'SUCCESS')
  assert.deepEqual(idsOf([await claimAtLast(consumer)]), ['b'])
})

test('a server that stops without a word fails calls in time, and goes on afterwards', options, async (t) => {
  const { server, broker } = await ownPlace(t)
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'a' })])
  server.signal('SIGSTOP')
  const startedMs = performance.now()
  const calls = Array.from({ length: 50 }, () => broker.publish([outgoing()]))
  for (const call of calls) await refused(call, 'CAROM_STORE_UNAVAILABLE', /./)
  assert.ok(performance.now() - startedMs < 5_000, 'it did not end in time')
  server.signal('SIGCONT')
  assert.deepEqual(idsOf([await claimAtLast(consumer)]), ['a'])
})

test('a server that has become a replica is read-only, and used again when it is master again', options, async (t) => {
  const { broker, client } = await ownPlace(t)
  await client.replicaof('127.0.0.1', 1)
  await refused(broker.publish([outgoing()]), 'CAROM_STORE_READ_ONLY', /replica now.*sentinels/)
  await refused(broker.publish(numbered([1, 2])), 'CAROM_STORE_READ_ONLY', /replica now/)
  await client.replicaof('NO', 'ONE')
  await publishAtLast(broker, 'a')
  await client.config('SET', 'min-replicas-to-write', '1')
  await refused(broker.publish([outgoing()]), 'CAROM_STORE_READ_ONLY', /takes no writes/)
  await client.config('SET', 'min-replicas-to-write', '0')
  await broker.publish([outgoing()])
})

test('a full server refuses what is new, and what is there can still be worked off', options, async (t) => {
  const { broker, client } = await ownPlace(t)
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(['a', 'b', 'c']))
  await client.config('SET', 'maxmemory', '1')
  await refused(broker.publish([outgoing()]), 'CAROM_STORE_FULL', /maxmemory/)
  await refused(broker.publish(numbered([1, 2])), 'CAROM_STORE_FULL', /maxmemory/)
  const deliveries = await claimCount(consumer, 3)
  const [a, b, c] = deliveries
  assert.ok(a && b && c)
  assert.deepEqual(await consumer.settle([acked(a)]), ['settled'])
  await refused(consumer.settle([acked(b, { result: meta('b') })]), 'CAROM_STORE_FULL', /maxmemory/)
  await client.config('SET', 'maxmemory', '0')
  // Refused as a whole: nothing of it had happened.
  assert.deepEqual(await consumer.settle([acked(b, { result: meta('b') }), acked(c)]), ['settled', 'settled'])
})

test('a parked message whose list is a key of something else stays, and holds up no other', options, async (t) => {
  const { broker, client } = await redis.place(t)
  const consumer = await consumerOf(broker, { queues: ['q', 'r'] })
  await broker.publish([outgoing({ id: 'parked' })])
  const parked = await claimOne(consumer)
  await consumer.settle([released(parked, 'none', 1)])
  await client.set('q', 'something else')
  const [, dueMs = ''] = await client.zrange('carom.due', '0', '0', 'WITHSCORES')
  await until(() => Date.now() > Number(dueMs), { what: 'it is due' })
  await broker.publish([outgoing({ id: 'other', queue: 'r' })])
  assert.deepEqual(idsOf([await claimOne(consumer)]), ['other'])
  await client.del('q')
  assert.deepEqual(await client.hlen('unacked'), 2)
  assert.deepEqual(await client.zcard('carom.due'), 1)
})

test('what was ended in a call that broke off halfway is settled when it is settled again', options, async (t) => {
  const { broker, backend, client } = await ownPlace(t)
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(Array.from({ length: 300 }, (_, index) => index)))
  const deliveries = await claimCount(consumer, 300)
  // The step of the first 256 only acks, which a full server still takes; in the second are results.
  const settlements = deliveries.map((delivery, index) =>
    acked(delivery, index < 256 ? {} : { result: meta(delivery.message.headers.id) }),
  )
  await client.config('SET', 'maxmemory', '1')
  await refused(consumer.settle(settlements), 'CAROM_STORE_FULL', /maxmemory/)
  await client.config('SET', 'maxmemory', '0')
  assert.deepEqual(new Set(await consumer.settle(settlements)), new Set(['settled']))
  assert.deepEqual(new Set(await consumer.settle(settlements)), new Set(['lost']))
  assert.equal((await backend.load(['299']))[0]?.status, 'SUCCESS')
  assert.deepEqual(await broker.depths(), [])
})

test('a password that is wrong is said at once, and by no log', options, async (t) => {
  const server = await startRedis(['--requirepass', 'sesame'])
  t.after(() => server.remove())
  const place = `127.0.0.1:${server.port}/0`
  for (const user of ['', ':hunter2@', 'ada:hunter2@']) {
    const startedMs = performance.now()
    await assert.rejects(openBroker(`redis://${user}${place}`, { appName: 'test' }), (error: Error) => {
      assert.match(error.message, /Check user and password/)
      assert.doesNotMatch(JSON.stringify([error, error.message, error.cause, String(error.cause)]), /hunter2/)
      return true
    })
    assert.ok(performance.now() - startedMs < 3_000, 'it was not said at once')
  }
  const broker = await openBroker(`redis://:sesame@${place}`, { appName: 'test' })
  t.after(() => broker.close())
  await broker.publish([outgoing()])
  // Taken away while it is used.
  const admin = server.client(0, 'sesame')
  t.after(() => admin.disconnect())
  await admin.acl('SETUSER', 'default', '-@all', '+ping', '+auth', '+select')
  await refused(broker.publish([outgoing()]), 'CAROM_STORE_UNAVAILABLE', /ACL/)
})

test('a broker and a backend of one URL have two connections, whatever they do', options, async (t) => {
  const { broker, backend, client, url } = await redis.place(t)
  const again = await openBroker(url, { appName: 'test' })
  t.after(() => again.close())
  const consumer = await consumerOf(broker)
  const ending = new AbortController()
  setMaxListeners(0, ending.signal)
  const claiming = consumer.claim(1, { signal: ending.signal })
  const waits = Array.from({ length: 2_000 }, (_, index) => backend.wait(`t${index}`, { signal: ending.signal }))
  await again.mailbox.serve('n@here', async () => 1)
  await again.mailbox.ask({ method: 'ping', arguments: {}, destination: null }, { timeoutMs: 5_000, limit: 1 })
  const db = url.match(/\/(\d+)$/)?.[1]
  const mine = String(await client.client('LIST'))
    .split('\n')
    .filter((line) => line.includes(' name=carom ') && line.includes(` db=${db} `))
  assert.equal(mine.length, 2, mine.join('\n'))
  const waited = Promise.allSettled(waits)
  ending.abort()
  await claiming
  await waited
})

test('an idle connection keeps no script alive, and one that is awaited does', options, async (t) => {
  const { url } = await redis.place(t)
  const script = fileURLToPath(new URL('./fixtures/idle-redis.js', import.meta.url))
  const child = spawn(process.execPath, [script, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (text) => {
    said += text
  })
  const [code] = await once(child, 'exit')
  assert.deepEqual([code, said], [0, 'published and awaited\n'])
})

/** A server of this test's own, since it is about to suffer. */
async function ownPlace(t: TestContext) {
  const server = await startRedis()
  t.after(() => server.remove())
  const client: Redis = server.client()
  client.on('error', () => {})
  t.after(() => client.disconnect())
  const url = server.url(0, QUICK)
  const { openBackend } = await import('../../src/results/open.ts')
  const broker = await openBroker(url, { appName: 'test' })
  const backend = await openBackend(url, { appName: 'test' })
  t.after(() => Promise.allSettled([broker.close(), backend.close()]))
  return { server, broker, backend, client }
}
