/** A Redis that has lost everything: who names an exchange, as Python may, still reaches a consumer that went on. */
import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { storeWith } from '../brokers/redis-place.ts'
import { openerOf } from '../conformance/open.ts'
import { acked, claimOne, consumerOf, outgoing } from '../conformance/store.ts'
import { until } from '../support/wait.ts'
import { mixedCluster, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
// Without routes: Celery declares no queue for a message that names only its exchange.
const mixed = mixedCluster({ python: null, env: { MIXED_CONFIG: JSON.stringify({ task_routes: {} }) } })
const byExchange = { args: [2, 3], options: { exchange: 'ts', routing_key: 'ts' } }

test('a worker makes its queues known again to a server that comes back empty', options, async (t) => {
  const { server, python } = mixed
  assert.equal((await python.call('ts.add', byExchange)).value, 5)
  const { broker } = await openerOf(t, server.url())()
  await broker.publish([outgoing({ id: 'claimed' }), outgoing({ id: 'lost' })])
  const consumer = await consumerOf(broker)
  const claimed = await claimOne(consumer)
  await server.kill()
  for (const name of readdirSync(server.folder)) rmSync(join(server.folder, name), { recursive: true })
  await server.start()
  const client = server.client()
  t.after(() => client.disconnect())
  await until(async () => (await client.smembers('carom.queues')).includes('ts'), { what: 'its queue is known again' })
  assert.equal((await python.call('ts.add', byExchange)).value, 5)
  const settled = until(() => consumer.settle([acked(claimed)]).catch(() => null), { what: 'the store answers' })
  assert.deepEqual(await settled, ['lost'])
  await broker.publish([outgoing({ id: 'new' })])
  assert.equal((await claimOne(consumer)).message.headers.id, 'new')
})

test('queues whose names were deleted beneath a connection are made known again', options, async (t) => {
  const url = mixed.server.url(1)
  const { broker } = await openerOf(t, url)()
  const store = storeWith(t, url, {})
  const client = mixed.server.client(1)
  t.after(() => client.disconnect())
  await store.declare(['q'])
  await client.flushdb()
  await store.declare(['q'])
  assert.deepEqual(await client.keys('*'), [])
  // As a consumer's upkeep does once a minute.
  await store.keepAlive()
  await store.declare(['q'])
  assert.equal(await client.exists('_kombu.binding.q', 'carom.queues'), 2)
  await client.lpush('q', 'anything')
  assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 1, delayed: 0, claimed: 0 }])
})
