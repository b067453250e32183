/** An embedded store under pressure: locked by others, out of space, full of messages. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import type { Database } from '../../src/brokers/sqlite/database.ts'
import { acquireStore, releaseStore } from '../../src/brokers/sqlite/open-stores.ts'
import type { SqliteStore } from '../../src/brokers/sqlite/store.ts'
import { isCaromError } from '../../src/errors.ts'
import { afterwards, folderFor, openerOf } from '../conformance/open.ts'
import { acked, claimCount, consumerOf, idsOf, meta, numbered, outgoing } from '../conformance/store.ts'
import { until } from '../support/wait.ts'
import { start } from './store-processes.ts'

test('embedded store: while another process keeps it locked for 400 ms the loop goes on and nothing is lost', async (t) => {
  const path = join(await folderFor(t), 'store.sqlite')
  const { broker, backend } = await openerOf(t, `embedded:${path}`)()
  const consumer = await consumerOf(broker)
  await broker.publish(numbered(['claimed before']))
  const [held] = await claimCount(consumer, 1)
  assert.ok(held)
  const locker = start(t, 'lock', `embedded:${path}`, { argument: '400' })
  await locker.said(1)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const before = performance.eventLoopUtilization()
  const startedMs = performance.now()
  const ids = Array.from({ length: 50 }, (_, index) => String(index))
  const publishing = Promise.all(ids.map((id) => broker.publish([outgoing({ id })])))
  const settling = consumer.settle([acked(held, { result: meta('claimed before') })])
  assert.equal((await backend.load(['claimed before']))[0], null, 'reading has to go on')
  const claiming = claimCount(consumer, ids.length)
  await publishing
  assert.ok(performance.now() - startedMs > 200, 'it was not locked')
  delay.disable()
  const { utilization } = performance.eventLoopUtilization(before)
  assert.ok(delay.percentile(99) < 50e6, `the loop was held for ${delay.percentile(99) / 1e6} ms`)
  assert.ok(utilization < 0.5, `the loop was held for ${utilization * 100} % of the time`)
  assert.deepEqual(await settling, ['settled'])
  assert.deepEqual(idsOf(await claiming), ids)
})

test('embedded store: what cannot be written in time is refused with the name of the file, and later goes on', async (t) => {
  const path = join(await folderFor(t), 'store.sqlite')
  const store = await storeAt(t, path, { busyDeadlineMs: 100 })
  const { broker } = await openerOf(t, `embedded:${path}`)()
  const locker = start(t, 'lock', store.name, { argument: '600' })
  await locker.said(1)
  await assert.rejects(broker.publish([outgoing()]), (error) => {
    return isCaromError(error, 'CAROM_STORE_BUSY') && error.message.includes(path) && error.message.includes('fuser')
  })
  await locker.ended()
  await broker.publish([outgoing()])
  assert.equal((await broker.depths())[0]?.waiting, 1)
})

test('embedded store: opening a file that another process is just making waits for it', async (t) => {
  const url = `embedded:${join(await folderFor(t), 'store.sqlite')}`
  const locker = start(t, 'lock', url, { argument: '150' })
  await locker.said(1)
  const { broker } = await openerOf(t, url)()
  await broker.publish([outgoing()])
  assert.equal((await broker.depths())[0]?.waiting, 1)
})

test('embedded store: without space a publish is refused, what was confirmed stays, and it goes on with space', async (t) => {
  const path = join(await folderFor(t), 'store.sqlite')
  const store = await storeAt(t, path)
  const { broker } = await openerOf(t, `embedded:${path}`)()
  await store.read((database) => database.all('PRAGMA max_page_count = 60'))
  const confirmed = await publishUntilFull(broker)
  assert.equal((await broker.depths())[0]?.waiting, confirmed)
  // A group of many calls, of which some have room and some have not.
  const sizes = [100, 300_000, 100, 300_000]
  const publishing = sizes.map((size) => broker.publish([outgoing({ body: Buffer.alloc(size) })]))
  const outcomes = await Promise.allSettled(publishing)
  const fulfilled = outcomes.filter(({ status }) => status === 'fulfilled').length
  assert.deepEqual([outcomes[1]?.status, outcomes[3]?.status], ['rejected', 'rejected'])
  assert.equal((await broker.depths())[0]?.waiting, confirmed + fulfilled)
  await store.read((database) => database.all('PRAGMA max_page_count = 100000'))
  await broker.publish([outgoing({ body: Buffer.alloc(300_000) })])
  const deliveries = await claimCount(await consumerOf(broker), confirmed + fulfilled + 1)
  assert.equal(deliveries.length, confirmed + fulfilled + 1)
})

test('embedded store: a full disk refuses and loses nothing', async (t) => {
  const folder = join(await folderFor(t), 'small')
  mkdirSync(folder)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder])
  if (mounted.status !== 0) {
    t.skip('a small disk cannot be mounted here: run the tests as root')
    return
  }
  afterwards(t, () => spawnSync('umount', ['-l', folder]))
  const filler = join(folder, 'filler')
  writeFileSync(filler, Buffer.alloc(800_000))
  const { broker, backend } = await openerOf(t, `embedded:${join(folder, 'store.sqlite')}`)()
  const consumer = await consumerOf(broker)
  await broker.publish([outgoing({ id: 'first' })])
  const [held] = await claimCount(consumer, 1)
  assert.ok(held)
  const confirmed = await publishUntilFull(broker)
  const big = acked(held, { result: meta('first', { result: Buffer.alloc(500_000, 'x') }) })
  await assert.rejects(consumer.settle([big]), { code: 'CAROM_STORE_FULL' })
  assert.deepEqual(await backend.load(['first']), [null])
  rmSync(filler)
  assert.deepEqual(await consumer.settle([big]), ['settled'])
  assert.equal((await backend.load(['first']))[0]?.result.byteLength, 500_000)
  assert.equal((await claimCount(consumer, confirmed)).length, confirmed)
})

test('embedded broker: claims and publishes take no longer with a hundred times the messages', async (t) => {
  const few = await measure(t, 1_000)
  const many = await measure(t, 100_000)
  for (const what of ['publish', 'claim', 'look'] as const) {
    assert.ok(many[what] < few[what] * 8 + 2, `${what}: ${few[what]} ms with 1,000, ${many[what]} ms with 100,000`)
  }
})

test('embedded broker: counting and purging a crowd give the loop its turns', async (t) => {
  const path = join(await folderFor(t), 'store.sqlite')
  const store = await storeAt(t, path)
  const { broker } = await openerOf(t, `embedded:${path}`)()
  await store.read((database) => fill(database, 60_000))
  const turns = countTurns(t)
  assert.deepEqual(await broker.depths(), [{ queue: 'q', waiting: 60_000, delayed: 60_000, claimed: 0 }])
  const whileCounting = turns()
  assert.ok(whileCounting > 3, `${whileCounting} turns while 120,000 messages were counted`)
  const purging = broker.purge('q')
  await until(async () => ((await broker.depths())[0]?.waiting ?? 0) < 50_000, {
    withinMs: 10_000,
    what: 'some are gone',
  })
  const whilePurging = turns() - whileCounting
  assert.ok(whilePurging > 10, `${whilePurging} turns while 10,000 messages were purged`)
  await broker.close()
  await assert.rejects(purging, { code: 'CAROM_STORE_CLOSED' })
})

test('embedded broker: a large call to publish gives the loop its turns, and nobody sees half of it', async (t) => {
  const { broker } = await openerOf(t, `embedded:${join(await folderFor(t), 'store.sqlite')}`)()
  const messages = numbered(Array.from({ length: 16_000 }, (_, index) => index))
  let confirmed = false
  let turns = 0
  const seen = new Set<number>()
  const publishing = broker.publish(messages).finally(() => {
    confirmed = true
  })
  const look = async () => seen.add((await broker.depths())[0]?.waiting ?? 0)
  for (; !confirmed; turns++) {
    await Promise.race([look(), turn()])
  }
  await Promise.all([publishing, look()])
  assert.deepEqual(
    [...seen].filter((waiting) => waiting !== 0 && waiting !== messages.length),
    [],
  )
  assert.ok(turns > 5, `the loop had ${turns} turns`)
})

async function storeAt(t: TestContext, path: string, options: { busyDeadlineMs?: number } = {}): Promise<SqliteStore> {
  const store = await acquireStore({ path, durability: 'machine', ...options })
  afterwards(t, () => releaseStore(store))
  return store
}

async function publishUntilFull(broker: Broker): Promise<number> {
  for (let confirmed = 0; confirmed < 10_000; confirmed++) {
    try {
      await broker.publish([outgoing({ id: `message ${confirmed}`, body: Buffer.alloc(8_000) })])
    } catch (error) {
      assert.ok(isCaromError(error, 'CAROM_STORE_FULL'), String(error))
      return confirmed
    }
  }
  return assert.fail('it never became full')
}

/** Times in milliseconds, the best of some, with `count` messages waiting and as many delayed. */
async function measure(t: TestContext, count: number) {
  const path = join(await folderFor(t), 'store.sqlite')
  const store = await storeAt(t, path)
  const broker = await openBroker(`embedded:${path}`, { appName: 'test' })
  afterwards(t, () => broker.close())
  await store.read((database) => fill(database, count))
  const consumer = await consumerOf(broker, { queues: ['q', 'empty'] })
  const idle = await consumerOf(broker, { queues: ['empty'] })
  const bestOf = async (action: () => Promise<unknown>) => {
    let bestMs = Infinity
    for (let round = 0; round < 9; round++) {
      const startedMs = performance.now()
      await action()
      bestMs = Math.min(bestMs, performance.now() - startedMs)
    }
    return bestMs
  }
  return {
    publish: await bestOf(() => broker.publish(numbered([1, 2, 3, 4, 5]))),
    claim: await bestOf(() => claimCount(consumer, 10)),
    look: await bestOf(() => idle.claim(1, { signal: AbortSignal.timeout(0) })),
  }
}

/** `count` ready and `count` delayed messages, faster than publishing them. */
function fill(database: Database, count: number): void {
  const numbers = `WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ${2 * count})`
  database.exec(`BEGIN;
    ${numbers} INSERT INTO message SELECT seq, '{"task":"t","id":"' || seq || '"}', '{}', 'application/json', 'utf-8', x'5b5d' FROM n;
    ${numbers} INSERT INTO place (seq, queue, rank, due_ms)
      SELECT seq, 'q', 255, iif(seq <= ${count}, 0, ${Date.now() + 3_600_000} + seq) FROM n;
    COMMIT`)
}

/** Counts the turns that the loop has had: on a busy machine they take long, but they are as many. */
function countTurns(t: TestContext): () => number {
  let turns = 0
  let next: NodeJS.Immediate
  const turn = (): void => {
    turns++
    next = setImmediate(turn)
  }
  turn()
  t.after(() => clearImmediate(next))
  return () => turns
}
