/** Clocks, upkeep, and what an embedded store does when nothing happens. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { acquireStore, releaseStore } from '../../src/brokers/sqlite/open-stores.ts'
import { clean } from '../../src/brokers/sqlite/upkeep.ts'
import { afterwards, folderFor, openerOf } from '../conformance/open.ts'
import { claimCount, claimOne, consumerOf, idsOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { start } from './store-processes.ts'

const DAY_MS = 24 * 3600 * 1000

for (const hours of [1, -1]) {
  test(`embedded broker: a wall clock that jumps by ${hours} h takes no claim away, and ends none late`, async (t) => {
    const { open } = await storeIn(t)
    const { broker } = await open()
    const owner = await consumerOf(broker, { leaseMs: 20_000 })
    const brief = await consumerOf(broker, { queues: ['brief'], leaseMs: 300 })
    const other = await consumerOf(broker, { queues: ['q', 'brief'] })
    await broker.publish([outgoing({ id: 'held' }), outgoing({ id: 'brief', queue: 'brief' })])
    const held = await claimOne(owner)
    await claimOne(brief)
    const now = Date.now
    t.mock.method(Date, 'now', () => now() + hours * 3_600_000)
    await broker.publish([outgoing({ id: 'new' })])
    assert.deepEqual(idsOf(await claimCount(other, 2)), ['new', 'brief'])
    assert.deepEqual(await owner.renew([held.token]), [])
  })
}

test('embedded broker: delayed messages follow the wall clock when it jumps', async (t) => {
  const { open } = await storeIn(t)
  const { broker } = await open()
  const consumer = await consumerOf(broker)
  const eta = new Date(Date.now() + 3_600_000).toISOString()
  await broker.publish([outgoing({ id: 'later', headers: { eta } })])
  const claiming = claimOne(consumer)
  await broker.depths()
  const now = Date.now
  t.mock.method(Date, 'now', () => now() + 3_600_001)
  assert.deepEqual(idsOf([await claiming]), ['later'])
})

test('embedded store: upkeep removes results of a day ago and what dead visitors left, and nothing else', async (t) => {
  const { url, open } = await storeIn(t)
  const { broker, backend } = await open()
  const store = await acquireStore({ path: url.slice('embedded:'.length), durability: 'machine' })
  afterwards(t, () => releaseStore(store))
  const count = (table: string) =>
    store.read((database) => database.all<[number]>(`SELECT count(*) FROM ${table}`)[0]?.[0])
  await backend.save(Array.from({ length: 450 }, (_, index) => meta(String(index))))
  await backend.saveGroup({ groupId: 'g', members: ['1'] })
  await broker.publish(numbered([1, 2]))
  const consumer = await consumerOf(broker)
  await consumerOf(broker)
  await claimOne(consumer)
  await store.read((database) => {
    database.exec("INSERT INTO request (id, request, expires_ms) VALUES ('r', '{}', 5)")
    database.exec("INSERT INTO reply VALUES ('r', 'n', '1', 5), ('r2', 'n', '1', 9000000000000)")
  })
  await clean(store, { nowMs: Date.now(), resultExpiresMs: DAY_MS })
  assert.deepEqual(
    [await count('result'), await count('request'), await count('reply'), await count('consumer')],
    [450, 0, 1, 2],
  )
  const later = { nowMs: Date.now() + DAY_MS + 60_000 }
  for (const resultExpiresMs of [0, 2 * DAY_MS]) {
    await clean(store, { ...later, resultExpiresMs })
    assert.deepEqual([await count('result'), await count('result_group')], [450, 1])
  }
  await clean(store, { ...later, resultExpiresMs: DAY_MS })
  // The consumer that holds a claim stays known: its process may yet be found dead.
  assert.deepEqual([await count('result'), await count('result_group')], [0, 0])
  assert.deepEqual([await count('consumer'), await count('place')], [1, 2])
})

test('embedded store: a script that only publishes ends by itself, with everything left open', async (t) => {
  const { url } = await storeIn(t)
  const script = start(t, 'publish-and-end', url)
  await script.said(1)
  const publishedMs = performance.now()
  assert.equal(await script.ended(), 0)
  assert.ok(performance.now() - publishedMs < 1_000, 'it stayed alive')
})

test('embedded broker: waiting for messages takes less than a hundredth of a core', async (t) => {
  const { url } = await storeIn(t)
  const idle = start(t, 'idle', url)
  const [percent] = await idle.said(1)
  assert.ok(Number(percent) < 1, `it took ${percent} %`)
  assert.equal(await idle.ended(), 0)
})

async function storeIn(t: TestContext) {
  const url = `embedded:${join(await folderFor(t), 'store.sqlite')}`
  return { url, open: openerOf(t, url) }
}
