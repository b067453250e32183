import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Items from './fixtures/items.ts'
import { ledgerFile, linesOf } from './ledger-file.ts'
import { caromFailureOf, failureOf, fixture, openPool, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const pool = new Pool<typeof Items>({ module: fixture('items'), startMethod: START_METHOD, processes: 1 })
after(() => pool.terminate())

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

test('map() gives what a map in this process would, whatever the size of its chunks', async (t) => {
  const pool = openPool<typeof Items>(t, 'items', { processes: 2 })
  const items = numbers(100)
  const expected = items.map((n) => n * n)
  for (const chunkSize of [1, 3, 50, 99, 100, 1_000, Number.MAX_SAFE_INTEGER]) {
    assert.deepEqual(await pool.map('square', items, { chunkSize }), expected, `chunks of ${chunkSize}`)
  }
  assert.deepEqual(await pool.map('square', items), expected)
  assert.deepEqual(
    await pool.map('square', numbers(2_500), { chunkSize: 1 }),
    numbers(2_500).map((n) => n * n),
  )
  assert.deepEqual(await pool.map('squareLater', items), expected, 'functions that wait, too')
  assert.deepEqual(
    await pool.map('twice', [1, [2]]),
    [
      [1, 1],
      [[2], [2]],
    ],
    'lists stay what they are',
  )
})

test('By default a map has four chunks for each place there is', async (t) => {
  const pool = openPool<typeof Items>(t, 'items', { processes: 2, concurrencyPerChild: 3 })
  const chunks = (count: number) => pool.mapAsync('square', numbers(count)).chunks
  assert.deepEqual([0, 1, 24, 25, 48, 49, 240, 241, 1_000].map(chunks), [0, 1, 24, 13, 24, 17, 24, 22, 24])
  await pool.shrink()
  assert.deepEqual([12, 13, 120].map(chunks), [12, 7, 12], 'of the places there are now')
  await pool.close()
})

test('A chunk is one job in one child, and chunkSize says how many items it has', async () => {
  const { jobsDone } = pool.stats().children[0] ?? { jobsDone: 0 }
  const job = pool.mapAsync('square', numbers(100), { chunkSize: 30 })
  assert.deepEqual([job.chunks, job.settledChunks], [4, 0])
  await job.result
  assert.equal(job.settledChunks, 4)
  assert.equal((pool.stats().children[0]?.jobsDone ?? 0) - jobsDone, 4)
})

test('A map of nothing is nothing, and asks no child', async () => {
  assert.deepEqual(await pool.map('square', []), [])
  assert.deepEqual(await pool.starmap('pair', new Set<[number, string]>()), [])
  assert.equal(pool.stats().open, 0)
})

test('Items may come from anything that can be iterated', async () => {
  function* some() {
    yield 3
    yield* [1, 2]
  }
  assert.deepEqual(await pool.map('square', some()), [9, 1, 4])
  assert.deepEqual(await pool.map('square', new Set([5, 6])), [25, 36])
  function* broken() {
    yield 1
    throw new RangeError('the source is broken')
  }
  assert.throws(() => pool.mapAsync('square', broken()), /the source is broken/)
  assert.match((await failureOf(pool.map('square', broken()))).message, /the source is broken/)
  assert.equal(pool.stats().open, 0)
})

test('map() gives one argument, so that the others have their defaults; starmap() gives them all', async () => {
  assert.deepEqual(await pool.map('power', [1, 2, 3]), [1, 4, 9])
  assert.deepEqual(await pool.starmap('power', [[2, 3], [3], [10, 0]]), [8, 9, 1])
  assert.deepEqual(
    await pool.starmapAsync(
      'pair',
      [
        [1, 'a'],
        [2, 'b'],
      ],
      { chunkSize: 1 },
    ).result,
    ['1a', '2b'],
  )
})

test('The first item that fails fails the map and is named; the items of other chunks are not kept from running', async (t) => {
  const file = ledgerFile(t)
  const items = numbers(12).map((n) => ({ file, n }))
  const job = pool.mapAsync('mark', items, { chunkSize: 4 })
  const error = await failureOf(job.result)
  assert.deepEqual([error.name, error.message, error.code, error.n], ['RangeError', '5 is odd', 'EODD', 5])
  assert.equal(error.itemIndex, 5)
  await until(() => job.settledChunks === 3, { what: 'all chunks have run' })
  assert.deepEqual(linesOf(file), [0, 1, 2, 3, 4, 5, 8, 9], 'each chunk up to its first failure')
})

test('A result that cannot be sent fails the map', async () => {
  await caromFailureOf(pool.map('makeFunction', numbers(6), { chunkSize: 2 }), 'CAROM_RESULT_UNENCODABLE')
  assert.deepEqual(await pool.map('makeFunction', [1, 2]), [1, 2])
})

test('With an item that cannot be sent nothing is left running', async (t) => {
  const pool = openPool<typeof Items>(t, 'items', { stopTimeoutMs: 200 })
  await readyPids(pool, 1)
  const items = [1, 2, 3, (() => 4) as unknown as number]
  assert.throws(() => pool.mapAsync('hold', items, { chunkSize: 1 }), { code: 'CAROM_ARGUMENTS_UNENCODABLE' })
  await until(() => pool.stats().open === 0, { what: 'the chunks before it are taken back' })
  await caromFailureOf(pool.map('hold', items, { chunkSize: 1 }), 'CAROM_ARGUMENTS_UNENCODABLE')
  await until(() => pool.stats().open === 0, { what: 'the chunks before it are taken back' })
})

test('cancel() drops the chunks that wait and asks the others to stop', async () => {
  const pids = await readyPids(pool, 1)
  const job = pool.mapAsync('hold', [0, 0, 1, 1, 1, 1], { chunkSize: 2 })
  await until(() => job.settledChunks === 1, { what: 'the first chunk is done' })
  await until(() => pool.stats().children[0]?.running.length === 1, { what: 'the second runs' })
  job.cancel()
  await caromFailureOf(job.result, 'CAROM_JOB_CANCELLED')
  await until(() => job.settledChunks === 3, { what: 'all are settled' })
  assert.deepEqual(await readyPids(pool, 1), pids)
})

test('A map that is aborted while it runs fails with the reason as its cause', async () => {
  const pids = await readyPids(pool, 1)
  const controller = new AbortController()
  const job = pool.mapAsync('hold', [0, 1], { signal: controller.signal, chunkSize: 2 })
  await until(() => pool.stats().children[0]?.running.length === 1, { what: 'its only chunk runs' })
  controller.abort('enough')
  assert.equal((await caromFailureOf(job.result, 'CAROM_JOB_CANCELLED')).cause, 'enough')
  assert.deepEqual(await readyPids(pool, 1), pids)
})

test('terminate() ends every chunk at once, with the child that runs one', async () => {
  const [pid] = await readyPids(pool, 1)
  const job = pool.mapAsync('wait', [60_000, 60_000, 60_000], { chunkSize: 1 })
  await until(() => pool.stats().children[0]?.running.length === 1, { what: 'the first runs' })
  job.terminate()
  await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
  await until(() => job.settledChunks === 3, { what: 'all are settled' })
  assert.notEqual(await pool.exports.pid(), pid)
})

test('A chunk whose child dies fails the map, and the other chunks run', async () => {
  const job = pool.mapAsync('squareOrExit', [1, 2, -1, 3, 4, 5], { chunkSize: 2 })
  const error = await caromFailureOf(job.result, 'CAROM_CHILD_LOST')
  assert.equal((error.certificate as { exitCode: number }).exitCode, 255)
  await until(() => job.settledChunks === 3, { what: 'all are settled' })
})

test('The soft limit of a chunk ends it before its next item', async () => {
  const error = await failureOf(pool.map('wait', new Array(100).fill(20), { softTimeLimitMs: 200, chunkSize: 100 }))
  assert.equal(error.code, 'CAROM_SOFT_TIME_LIMIT')
  const { itemIndex } = error as { itemIndex?: unknown }
  assert.ok((itemIndex as number) > 0 && (itemIndex as number) < 100, `stopped at item ${itemIndex}`)
})

test('A chunk size that makes no sense is refused', async () => {
  for (const chunkSize of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => pool.mapAsync('square', [1], { chunkSize }), RangeError)
    assert.ok((await failureOf(pool.imap('square', [1], { chunkSize }).next())) instanceof RangeError)
  }
})
