/** Messages that kombu and Carom hold for each other: whoever goes away, none is lost. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { restoreForeign } from '../../src/brokers/redis/foreign.ts'
import { storeWith } from '../brokers/redis-place.ts'
import { openerOf } from '../conformance/open.ts'
import { claimCount, claimOne, consumerOf, idsOf, numbered, outgoing } from '../conformance/store.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { noCelery, startPythonClient } from './python.ts'

const options = { skip: noRedis || noCelery, timeout: 30_000 }
let server: RedisServer
let db = 0
before(async () => {
  if (options.skip === false) server = await startRedis()
})
after(() => server?.remove())

test('with only Python left a parked message comes back late, and never before it is due', options, async (t) => {
  const url = server.url(db++)
  const python = startPythonClient(t, url, 'kombu_probe.py')
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  const dueMs = Date.now() + 1_500
  await broker.publish([outgoing({ id: 'later', headers: { eta: new Date(dueMs).toISOString() } })])
  const ending = new AbortController()
  const claiming = consumer.claim(1, { signal: ending.signal })
  await until(async () => (await broker.depths())[0]?.delayed === 1, { what: 'it is parked' })
  ending.abort()
  await claiming
  await consumer.close()
  // A Python worker with a visibility timeout shorter than any.
  const restored = await python.ask({ command: 'restore', queue: 'q', visibility_timeout: 1, within: 15 })
  const { at, headers } = restored as { at: number; headers: Record<string, unknown> }
  assert.ok(at * 1000 >= dueMs, 'it came before it was due')
  assert.equal(headers.id, 'later')
  assert.equal(headers.redelivered, true)
})

test(
  'a claimed message whose worker is gone is given back by kombu too, a visibility timeout after its lease',
  options,
  async (t) => {
    const url = server.url(db++)
    const python = startPythonClient(t, url, 'kombu_probe.py')
    const { broker } = await openerOf(t, url)()
    await broker.publish([outgoing({ id: 'a', headers: { 'x-text': 'ü "quoted"' } })])
    const consumer = await consumerOf(broker, { leaseMs: 1_000 })
    const claimedMs = Date.now()
    const { token } = await claimOne(consumer)
    // Nobody sweeps: what is tested is what kombu does.
    const { client } = lookInto(db - 1, t)
    await client.del('carom.leases')
    const restored = await python.ask({ command: 'restore', queue: 'q', visibility_timeout: 1, within: 15 })
    const { at, headers } = restored as { at: number; headers: Record<string, unknown> }
    assert.ok(at * 1000 >= claimedMs + 2_000, 'it came before its lease was over')
    assert.deepEqual([headers.id, headers['x-text']], ['a', 'ü "quoted"'])
    assert.deepEqual(await consumer.renew([token]), [token])
  },
)

test('kombu never gives back a claim whose lease is renewed, however short its timeout', options, async (t) => {
  const url = server.url(db++)
  const python = startPythonClient(t, url, 'kombu_probe.py')
  const { broker } = await openerOf(t, url)()
  await broker.publish([outgoing({ id: 'a' })])
  const consumer = await consumerOf(broker, { leaseMs: 2_000 })
  const { token } = await claimOne(consumer)
  const lost: string[] = []
  const renewal = setInterval(() => consumer.renew([token]).then((gone) => lost.push(...gone)), 300)
  t.after(() => clearInterval(renewal))
  // Three times its lease and its timeout.
  const within = 6
  assert.equal(await python.ask({ command: 'restore', queue: 'q', visibility_timeout: 1, within }), null)
  assert.deepEqual(lost, [])
  clearInterval(renewal)
  // Nobody sweeps: what is tested is what kombu does.
  const { client } = lookInto(db - 1, t)
  await client.del('carom.leases')
  const restored = await python.ask({ command: 'restore', queue: 'q', visibility_timeout: 1, within: 15 })
  assert.equal((restored as { headers: Record<string, unknown> }).headers.id, 'a')
})

test(
  "a message that a Python worker held when it died is given back by kombu's rule, and runs here",
  options,
  async (t) => {
    const url = server.url(db++)
    const python = startPythonClient(t, url, 'kombu_probe.py')
    const { broker } = await openerOf(t, url)()
    await broker.publish(numbered(['a'], { properties: { priority: 6 } }))
    const { headers } = (await python.ask({ command: 'take', queue: 'q' })) as { headers: Record<string, unknown> }
    assert.equal(headers.id, 'a')
    assert.equal(await restoreForeign(storeWith(t, url, {})), 0)
    assert.equal(await restoreForeign(storeWith(t, url, { visibilityTimeoutMs: -1_000 })), 1)
    const delivery = await claimOne(await consumerOf(broker))
    assert.equal(delivery.message.headers.id, 'a')
    assert.equal(delivery.counts.deliveries, 2)
    assert.match(delivery.token, /\.6\.\d+\.q$/)
  },
)

test('kombu takes what Carom gave back, counts and all', options, async (t) => {
  const url = server.url(db++)
  const python = startPythonClient(t, url, 'kombu_probe.py')
  const { broker } = await openerOf(t, url)()
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(['a', 'b']))
  const [a, b] = await claimCount(consumer, 2)
  assert.ok(a && b)
  const end = (count: 'crash' | 'none') => ({ type: 'release', delayMs: 0, count }) as const
  const given = { result: null, next: [] }
  await consumer.settle([
    { token: b.token, ...given, end: end('none') },
    { token: a.token, ...given, end: end('crash') },
  ])
  const taken = (await python.ask({ command: 'take', queue: 'q' })) as { headers: Record<string, unknown> }
  assert.equal(taken.headers.id, 'a')
  assert.equal(taken.headers.redelivered, true)
  assert.deepEqual(idsOf([await claimOne(consumer)]), ['b'])
})

function lookInto(database: number, t: { after(release: () => void): void }) {
  const client = server.client(database)
  t.after(() => client.disconnect())
  return { client }
}
