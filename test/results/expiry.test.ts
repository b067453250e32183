import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { openBackend } from '../../src/results/open.ts'
import { afterwards } from '../conformance/open.ts'
import { acked, claimOne, consumerOf, meta, outgoing } from '../conformance/store.ts'
import { until } from '../support/wait.ts'

test('memory: results and groups go when their time is over, each by who stored it', async (t) => {
  const url = `memory:${randomUUID()}`
  const open = async (resultExpiresMs: number) => {
    const options = { appName: 'test', resultExpiresMs }
    const broker = await openBroker(url, options)
    const backend = await openBackend(url, options)
    afterwards(t, () => Promise.all([broker.close(), backend.close()]))
    return { broker, backend }
  }
  const short = await open(30)
  const long = await open(0)
  await short.backend.save([meta('short')])
  await short.backend.saveGroup({ groupId: 'short', members: [] })
  await long.backend.save([meta('long')])
  await long.backend.saveGroup({ groupId: 'long', members: [] })
  const consumer = await consumerOf(short.broker)
  await short.broker.publish([outgoing({ id: 'settled' })])
  await consumer.settle([acked(await claimOne(consumer), { result: meta('settled') })])
  assert.ok((await long.backend.load(['settled']))[0])

  const states = async () =>
    (await long.backend.load(['short', 'settled', 'long'])).map((found) => found?.status ?? null)
  await until(async () => (await states()).filter((state) => state === null).length === 2, { what: 'two are gone' })
  assert.deepEqual(await states(), [null, null, 'SUCCESS'])
  await until(async () => (await long.backend.loadGroup('short')) === null, { what: 'the group is gone' })
  assert.ok(await long.backend.loadGroup('long'))
})
