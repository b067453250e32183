/** A failover to a replica that had not heard of the last writes: what is lost, and what is not. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { openBackend } from '../../src/results/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { acked, claimCount, consumerOf, idsOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { noRedis, startRedis } from '../support/redis-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { claimAll } from './claim-all.ts'

const COUNT = 100
const HELD = 5
const ids = (name: string) => Array.from({ length: COUNT }, (_, index) => `${name}-${index}`)

test('a failover loses what was not replicated, and nothing else', { skip: noRedis, timeout: 40_000 }, async (t) => {
  const [master, replica] = [await startRedis(), await startRedis()]
  for (const server of [master, replica]) afterwards(t, () => server.remove())
  const line = await startProxy(master.port)
  afterwards(t, () => line.down())
  const look = replica.client()
  afterwards(t, () => look.disconnect())
  await look.replicaof('127.0.0.1', line.port)
  const url = [master, replica].map((server) => server.url(0, '?commandTimeoutMs=1000')).join(';')
  const broker = await openBroker(url, { appName: 'test' })
  const backend = await openBackend(url, { appName: 'test' })
  afterwards(t, () => Promise.all([broker.close(), backend.close()]))
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(ids('known')))
  const known = await claimCount(consumer, HELD)
  await backend.save([meta('known')])
  const isKnown = async () =>
    (await look.hlen('unacked')) === HELD && (await look.exists('celery-task-meta-known')) === 1
  await until(isKnown, { what: 'the replica has all of it', withinMs: 15_000 })

  line.silence(true)
  await broker.publish(numbered(ids('unknown')))
  const unknown = await claimCount(consumer, HELD)
  await backend.save([meta('unknown')])
  const waiting = backend.wait('known-0', { signal: AbortSignal.timeout(30_000) })
  await master.kill()
  await look.replicaof('NO', 'ONE')

  const settle = () =>
    consumer
      .settle([...known, ...unknown].map((delivery) => acked(delivery, { result: metaOf(delivery) })))
      .catch(() => null)
  const outcomes = await until(settle, { what: 'the new master takes outcomes', withinMs: 15_000 })
  const expected = [...known.map(() => 'settled'), ...unknown.map(() => 'lost')]
  assert.deepEqual(outcomes, expected)
  assert.equal((await waiting).status, 'SUCCESS')
  const there = await backend.load(['known', 'unknown', ...idsOf(unknown)])
  assert.deepEqual(
    there.map((result) => result?.status ?? null),
    ['SUCCESS', null, ...unknown.map(() => null)],
  )
  // With the claims that nobody knows of, and none of the messages that nobody knows of.
  await broker.publish([outgoing({ id: 'last' })])
  const wanted = [...ids('known').slice(HELD), 'last']
  const again = await claimAll(consumer, wanted)
  assert.deepEqual(idsOf(again).sort(), wanted.sort())
  assert.deepEqual(new Set(await consumer.settle(again.map((delivery) => acked(delivery)))), new Set(['settled']))
  assert.deepEqual(await broker.depths(), [])
})

const metaOf = ({ message }: { readonly message: { readonly headers: { readonly id: string } } }) =>
  meta(message.headers.id)
