/** RabbitMQ closes connections and channels, runs out of memory or loses queues: what it had confirmed is not lost. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { Broker, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { openerOf } from '../conformance/open.ts'
import { acked, claimCount, claimOne, consumerOf, idsOf, numbered, outgoing } from '../conformance/store.ts'
import { amqpChannel } from '../support/amqp-channel.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { claimAll } from './claim-all.ts'

const skip = withoutRabbit()
const limits = { skip, timeout: 50_000 }
let server: RabbitServer
before(
  async () => {
    // A claim older than a second is ended by RabbitMQ, which looks twice a second.
    if (skip === false) server = await startRabbit([], '-rabbit channel_tick_interval 500')
  },
  { timeout: 60_000 },
)
after(() => server?.remove())

async function opened(t: TestContext): Promise<{ broker: Broker; url: string }> {
  const url = `${server.url(await server.vhost())}?heartbeat=2`
  const { broker } = await openerOf(t, url)()
  return { broker, url }
}

test('connections that RabbitMQ closes by force are made anew', limits, async (t) => {
  const { broker } = await opened(t)
  const consumer = await consumerOf(broker)
  const answered = new Set<string>()
  await broker.mailbox.serve('node@here', async ({ method }) => answered.add(method).size)
  await broker.publish(numbered(['a', 'b']))
  const [a] = await claimCount(consumer, 1)
  assert.ok(a)
  const claiming = claimAll(consumer, ['a', 'b', 'c'])
  await server.control('close_all_connections', '--global', 'for a test')
  await until(async () => (await consumer.renew([a.token])).length === 1, { what: 'the claim is lost' })
  await until(
    async () => {
      await broker.publish([outgoing({ id: 'c' })]).catch(() => null)
      return (await broker.depths(['q']).catch(() => [])).length > 0
    },
    { withinMs: 20_000, what: 'it publishes again' },
  )
  await claiming
  await until(
    async () =>
      Object.keys(
        await broker.mailbox.ask({ method: 'ping', arguments: {}, destination: null }, { timeoutMs: 500, limit: 1 }),
      ).length === 1,
    {
      withinMs: 20_000,
      what: 'remote control answers again',
    },
  )
})

for (const { what, exhaust, relieve } of [
  {
    what: 'memory runs out',
    exhaust: ['set_vm_memory_high_watermark', '0.00001'],
    relieve: ['set_vm_memory_high_watermark', '0.4'],
  },
  { what: 'the disk is full', exhaust: ['set_disk_free_limit', '1000000GB'], relieve: ['set_disk_free_limit', '50MB'] },
]) {
  test(`while ${what} publishing waits, claims are renewed and settled, and then it goes on`, limits, async (t) => {
    const { broker } = await opened(t)
    const consumer = await consumerOf(broker)
    await broker.publish(numbered(['a', 'b']))
    const [a, b] = await claimCount(consumer, 2)
    assert.ok(a && b)
    await server.control(...exhaust)
    t.after(() => server.control(...relieve))
    let isPublished = false
    const publishing = broker.publish([outgoing({ id: 'c' })]).then(() => {
      isPublished = true
    })
    publishing.catch(() => {})
    assert.deepEqual(await consumer.settle([acked(a)]), ['settled'])
    assert.deepEqual(await consumer.renew([b.token]), [])
    const refused = broker.publish([outgoing({ id: 'd' })])
    await assert.rejects(
      refused,
      (error) => isCaromError(error, 'CAROM_STORE_UNAVAILABLE') && /alarm/.test(error.message),
    )
    assert.equal(isPublished, false)
    await server.control(...relieve)
    await publishing.catch((error) => assert.ok(isCaromError(error, 'CAROM_STORE_UNAVAILABLE')))
    await broker.publish([outgoing({ id: 'e' })])
    assert.deepEqual(await consumer.settle([acked(b)]), ['settled'])
    const ids = idsOf(await claimAll(consumer, isPublished ? ['c', 'e'] : ['e']))
    assert.ok(!ids.includes('d'), 'what was refused was published')
  })
}

test('a queue that was deleted is declared again, and claims from other queues stand', limits, async (t) => {
  const { broker, url } = await opened(t)
  const consumer = await consumerOf(broker, { queues: ['q', 'r'] })
  await broker.publish([outgoing({ id: 'gone' }), outgoing({ id: 'kept', queue: 'r' })])
  const claimed = await claimCount(consumer, 2)
  const kept = claimed.find(({ queue }) => queue === 'r') as Delivery
  const gone = claimed.find(({ queue }) => queue === 'q') as Delivery
  const channel = await amqpChannel(t, url)
  const claiming = claimAll(consumer, ['new'])
  await channel.queueDelete({ queue: 'q' })
  await until(async () => (await consumer.renew([gone.token, kept.token])).length > 0, { what: 'the claim is lost' })
  assert.deepEqual(await consumer.renew([gone.token, kept.token]), [gone.token])
  await broker.publish([outgoing({ id: 'new' })])
  assert.deepEqual(idsOf(await claiming), ['new'])
  assert.deepEqual(await consumer.settle([acked(kept), acked(gone)]), ['settled', 'lost'])
  // Nobody consumes it, so nobody is told: the message comes back, and is published once more.
  await broker.publish([outgoing({ queue: 'unread' })])
  await channel.queueDelete({ queue: 'unread' })
  await broker.publish([outgoing({ queue: 'unread', id: 'again' })])
  assert.equal((await channel.queueDeclare({ queue: 'unread', passive: true })).messageCount, 1)
})

test('a claim that RabbitMQ ends after its consumer timeout is lost, and comes again', limits, async (t) => {
  const { broker } = await opened(t)
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'slow' })])
  await server.evaluate('application:set_env(rabbit, consumer_timeout, 1000).')
  t.after(() => server.evaluate('application:set_env(rabbit, consumer_timeout, 1800000).'))
  const first = await claimOne(consumer)
  await until(async () => (await consumer.renew([first.token])).length === 1, {
    withinMs: 20_000,
    what: 'RabbitMQ has closed the channel',
  })
  assert.deepEqual(await consumer.settle([acked(first)]), ['lost'])
  const [again] = await claimAll(consumer, ['slow'])
  assert.ok(again)
  assert.equal(again.counts.deliveries, 2)
  assert.deepEqual(await consumer.settle([acked(again)]), ['settled'])
})

test('a RabbitMQ that is frozen is given up within two heartbeats, and used again when it thaws', limits, async (t) => {
  const { broker } = await opened(t)
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'a' })])
  const held = await claimOne(consumer)
  await server.freeze()
  t.after(() => server.thaw().catch(() => {}))
  const startedMs = performance.now()
  await assert.rejects(broker.publish([outgoing({ id: 'b' })]), { code: 'CAROM_STORE_UNAVAILABLE' })
  await until(async () => (await consumer.renew([held.token])).length === 1, { what: 'the claim is lost' })
  assert.ok(performance.now() - startedMs < 10_000, 'it was noticed too late')
  await server.thaw()
  await until(
    () =>
      broker.publish([outgoing({ id: 'c' })]).then(
        () => true,
        () => false,
      ),
    {
      withinMs: 20_000,
      what: 'it publishes again',
    },
  )
  await claimAll(consumer, ['a', 'c'])
})

test('an ack whose answer never came is not said to be lost before it is asked for again', limits, async (t) => {
  const proxy = await startProxy(server.port)
  t.after(() => proxy.down())
  const url = `${server.url(await server.vhost())}?heartbeat=2`.replace(`:${server.port}/`, `:${proxy.port}/`)
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'acked' })])
  const first = await claimOne(consumer)
  proxy.silence(true)
  const settling = consumer.settle([acked(first)])
  await proxy.down()
  proxy.silence(false)
  await assert.rejects(settling, { code: 'CAROM_STORE_UNAVAILABLE', message: /1 acks/ })
  assert.deepEqual(await consumer.settle([acked(first)]), ['lost'])
  await proxy.up()
  assert.deepEqual(idsOf(await claimAll(consumer, ['acked'])), ['acked'])
})

test('a step of the wall clock ends no claim', limits, async (t) => {
  const { broker } = await opened(t)
  const consumer = await consumerOf(broker, { queues: ['q'], leaseMs: 60_000 })
  const hasty = await consumerOf(broker, { queues: ['r'], leaseMs: 1_500 })
  await broker.publish([outgoing({ id: 'held' }), outgoing({ id: 'forgotten', queue: 'r' })])
  const held = await claimOne(consumer)
  const startedMs = performance.now()
  await claimOne(hasty)
  const now = Date.now
  t.mock.method(Date, 'now', () => now() + 3_600_000)
  // Each looks for leases that are over at least once a second.
  const [forgotten] = await claimAll(hasty, ['forgotten'])
  assert.equal(forgotten?.counts.deliveries, 2)
  assert.ok(performance.now() - startedMs > 1_499, 'its lease was over too soon')
  assert.deepEqual(await consumer.renew([held.token]), [])
  assert.deepEqual(await consumer.settle([acked(held)]), ['settled'])
})

test('a wrong password and a wrong virtual host are called that, at once', limits, async () => {
  const url = server.url()
  const refusalOf = (wrong: string) => assert.rejects(openBroker(wrong, { appName: 'test' }), isToldWhy)
  let what = /refused the login: ACCESS_REFUSED.*Check that user and password/
  const isToldWhy = (error: unknown) => {
    assert.ok(isCaromError(error, 'CAROM_STORE_UNAVAILABLE'))
    assert.match(error.message, what)
    assert.ok(!error.message.includes('secret'))
    return true
  }
  const startedMs = performance.now()
  await refusalOf(url.replace('guest:guest', 'guest:secret'))
  await refusalOf(url.replace('guest:guest', 'nobody:secret'))
  what = /refused the virtual host: NOT_ALLOWED.*nowhere.*Check that the virtual host/
  await refusalOf(server.url('nowhere'))
  assert.ok(performance.now() - startedMs < 9_000, 'it was tried again')
})

test('with a password that is changed tries are few, and it goes on once it is given back', limits, async (t) => {
  const { broker } = await opened(t)
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(['a']))
  const a = await claimOne(consumer)
  const signal = AbortSignal.timeout(40_000)
  const refusals: string[] = []
  const claiming = (async () => {
    for (;;) {
      try {
        const [delivery] = await consumer.claim(1, { signal })
        return delivery
      } catch (error) {
        refusals.push((error as Error).message)
      }
    }
  })()
  await server.control('change_password', 'guest', 'changed')
  t.after(() => server.control('change_password', 'guest', 'guest'))
  const startedMs = performance.now()
  await server.control('close_all_connections', '--global', 'for a test')
  await until(() => refusals.length >= 4, { withinMs: 20_000, what: 'it was refused again and again' })
  // 100, 200 and 400 ms lie between them, less what chance takes off.
  assert.ok(performance.now() - startedMs > 300, `${refusals.length} tries at once`)
  for (const refusal of refusals) assert.match(refusal, /refused the login/)
  await server.control('change_password', 'guest', 'guest')
  const again = await claiming
  assert.equal(again?.message.headers.id, 'a')
  assert.equal(again.counts.deliveries, 2)
  assert.deepEqual(await consumer.settle([acked(a), acked(again)]), ['lost', 'settled'])
})
