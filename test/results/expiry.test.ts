import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { Carom } from '../../src/index.ts'
import { openBackend } from '../../src/results/open.ts'
import { afterwards, folderFor } from '../conformance/open.ts'
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

test('embedded: who stores results removes old ones, with no consumer on that store', async (t) => {
  const url = `embedded:${join(await folderFor(t), 'results.sqlite')}?durability=process`
  const backend = await openBackend(url, { appName: 'test', resultExpiresMs: 1 })
  afterwards(t, () => backend.close())
  t.mock.timers.enable({ apis: ['setInterval'] })
  await backend.save([meta('old')])
  const isGone = async () => {
    t.mock.timers.tick(75_000)
    return (await backend.load(['old']))[0] === null
  }
  await until(isGone, { what: 'the result is gone' })
})

test('an app refuses a lifetime of results that is none, and a flag that is none', () => {
  for (const resultExpiresMs of [-1, 1.5, Number.NaN, 315_360_000_001]) {
    const message = /resultExpiresMs of app "shop" to .*0 to 315360000000/
    assert.throws(() => new Carom('shop', { resultExpiresMs }), { name: 'RangeError', message })
  }
  assert.throws(() => new Carom('shop', { resultExpiresMs: '1d' as never }), TypeError)
  assert.throws(() => new Carom('shop', { resultExtended: 'yes' as never }), TypeError)
  const app = new Carom('shop', { resultExpiresMs: 0, resultExtended: true })
  const options = { storeErrorsEvenIfIgnored: 1 as never }
  assert.throws(() => app.task('shop.t', options, () => 1), { name: 'TypeError', message: /storeErrorsEvenIfIgnored/ })
})
