import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool, TimeLimitExceeded } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import { collect, collectToError } from './collect.ts'
import type * as Streams from './fixtures/streams.ts'
import { ledgerFile, linesOf } from './ledger-file.ts'
import { fixture, openPool, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const options = {
  processes: 1,
  startMethod: START_METHOD,
  concurrencyPerChild: 2,
  stopTimeoutMs: 1_000,
  maxPayloadBytes: 1_024,
}
const pool = new Pool<typeof Streams>({ module: fixture('streams'), ...options })
after(() => pool.terminate())

for (const name of ['count', 'countAtOnce'] as const) {
  test(`What a generator yields comes in its order, and its return value at the end (${name})`, async () => {
    const values = pool.stream(name, [100])
    for (let n = 1; n <= 100; n++) assert.deepEqual(await values.next(), { value: n, done: false })
    assert.deepEqual(await values.next(), { value: '100 in all', done: true })
    assert.deepEqual(await values.next(), { value: undefined, done: true })
    assert.deepEqual(await collect(pool.stream(name, [0])), [])
  })
}

test('Twenty thousand values come whole and in order', async () => {
  let last = 0
  for await (const value of pool.stream('count', [20_000])) assert.equal(value, ++last)
  assert.equal(last, 20_000)
})

test('Two streams of one child do not mix, and each generator knows its own job', async () => {
  const [first, second] = [pool.stream('jobId', []), pool.stream('jobId', [])]
  const ids = [await first.next(), await second.next(), await first.next(), await second.next()].map(
    ({ value }) => value,
  )
  assert.deepEqual([ids[0], ids[1]], [ids[2], ids[3]])
  assert.notEqual(ids[0], ids[1])
  await Promise.all([first.return(), second.return()])
})

test('A function that gives a list is a stream of its elements', async () => {
  assert.deepEqual(await collect(pool.stream('list', [])), ['a', 'b', 'c'])
})

for (const name of ['countInto', 'countAtOnceInto'] as const) {
  test(`A generator runs only a little ahead of its reader, and its finally runs when he leaves (${name})`, async (t) => {
    const file = ledgerFile(t)
    const values = pool.stream(name, [file])
    await pool.exports.pid()
    assert.deepEqual(linesOf(file), [], 'nothing runs before the first value is asked for')
    for (let taken = 1; taken <= 30; taken++) {
      assert.deepEqual(await values.next(), { value: taken, done: false })
      // Each of these jobs is a turn of the same child: time enough to go on, if it would.
      for (let turn = 0; turn < 5; turn++) await pool.exports.pid()
      const position = linesOf(file).at(-1) ?? 0
      assert.ok(position >= taken && position <= taken + 16, `at ${position} when ${taken} were taken`)
    }
    assert.deepEqual(await values.return(), { value: undefined, done: true })
    assert.equal(linesOf(file).at(-1), 0, 'its finally has run when the loop is left')
    assert.equal(pool.stats().open, 0)
  })
}

test('A loop that is left by an error ends its generator too', async (t) => {
  const file = ledgerFile(t)
  const failure = new Error('the reader has had enough')
  const read = async () => {
    for await (const value of pool.stream('countInto', [file])) if (value === 3) throw failure
  }
  await assert.rejects(read(), failure)
  assert.equal(linesOf(file).at(-1), 0)
})

test('A stream that nobody reads, or that is ended before its first value, is no job', async (t) => {
  const file = ledgerFile(t)
  const { id } = pool.applyAsync('pid', [])
  pool.stream('countInto', [file])
  const values = pool.stream('countInto', [file])
  await values.return()
  assert.deepEqual(await values.next(), { value: undefined, done: true })
  assert.equal(pool.applyAsync('pid', []).id, id + 1)
  assert.deepEqual(linesOf(file), [])
})

test('An error of the generator comes after what it had yielded', async () => {
  const { values, error } = await collectToError(pool.stream('throwAfter', [20]))
  assert.equal(values.length, 20)
  const { name, message, code } = error as Error & { code?: unknown }
  assert.deepEqual([name, message, code], ['RangeError', 'no more than 20', 'ENOMORE'])
})

test('A value that cannot be sent ends the stream, and the generator gets to clean up', async (t) => {
  const file = ledgerFile(t)
  const { values, error } = await collectToError(pool.stream('yieldFunction', [file]))
  assert.deepEqual(values, [1])
  assert.equal(codeOf(error), 'CAROM_RESULT_UNENCODABLE')
  assert.match(error?.message ?? '', /The yielded value of the job cannot be sent: A function cannot leave its process/)
  assert.deepEqual(linesOf(file), [0])
})

test('A value over the limit ends the stream, and so does a return value that cannot be sent', async () => {
  const large = await collectToError(pool.stream('yieldBytes', [5_000]))
  assert.deepEqual([large.values.length, codeOf(large.error)], [1, 'CAROM_RESULT_TOO_LARGE'])
  const last = await collectToError(pool.stream('returnFunction', []))
  assert.deepEqual([last.values, codeOf(last.error)], [[1], 'CAROM_RESULT_UNENCODABLE'])
})

test('A function that yields nothing that can be iterated is told so', async () => {
  const untyped = pool as unknown as Pool
  for (const name of ['nothing', 'text', 'promised', 'pid']) {
    const { values, error } = await collectToError(untyped.stream(name, []))
    assert.deepEqual(values, [])
    assert.match(`${error}`, /^TypeError: A streamed function has to be a generator/)
  }
  assert.equal(codeOf((await collectToError(untyped.stream('absent', []))).error), 'CAROM_EXPORT_UNKNOWN')
})

test('A child that dies under a stream fails it after the values that had arrived', async () => {
  const { values, error } = await collectToError(pool.stream('dieAfter', [3]))
  assert.deepEqual([values, codeOf(error)], [[1, 2, 3], 'CAROM_CHILD_LOST'])
})

for (const name of ['spinAfter', 'waitAfter'] as const) {
  test(`A stream over its time limit (${name}) fails after the values that had arrived`, async () => {
    const { values, error } = await collectToError(pool.stream(name, [2], { timeLimitMs: 300 }))
    assert.deepEqual(values, [1, 2])
    assert.ok(error instanceof TimeLimitExceeded)
  })
}

test("A stream's time runs while it waits for its reader, too", async (t) => {
  const values = pool.stream('countInto', [ledgerFile(t)], { timeLimitMs: 300 })
  await values.next()
  await until(() => pool.stats().open === 0, { what: 'it is over' })
  const rest = await collectToError(values)
  assert.equal(rest.values.length, 15, 'what had arrived')
  assert.ok(rest.error instanceof TimeLimitExceeded)
})

test('A generator that listens may end by itself at its soft limit', async () => {
  const values = pool.stream('untilAborted', [], { softTimeLimitMs: 150 })
  assert.deepEqual(await values.next(), { value: 1, done: false })
  assert.deepEqual(await values.next(), { value: 'CAROM_SOFT_TIME_LIMIT', done: true })
})

test('Aborting a stream ends its generator, and the loop with the reason as the cause', async (t) => {
  const file = ledgerFile(t)
  const pids = await readyPids(pool, 1)
  const controller = new AbortController()
  const values = pool.stream('countInto', [file], { signal: controller.signal })
  await values.next()
  controller.abort('enough')
  const { error } = await collectToError(values)
  assert.deepEqual([codeOf(error), error?.cause], ['CAROM_JOB_CANCELLED', 'enough'])
  assert.equal(linesOf(file).at(-1), 0)
  assert.deepEqual(await readyPids(pool, 1), pids)
})

test('A generator that does not end when its reader leaves is killed after stopTimeoutMs', async () => {
  const [pid] = await readyPids(pool, 1)
  for await (const _ of pool.stream('waitAfter', [2])) break
  assert.equal(pool.stats().open, 0)
  assert.notEqual(await pool.exports.pid(), pid)
})

test('A stream that has yielded is not run again when a neighbour takes its child', async (t) => {
  const own = openPool<typeof Streams>(t, 'streams', { concurrencyPerChild: 2, redeliverNeighbours: true })
  const values = own.stream('waitAfter', [2])
  await values.next()
  const spinner = collectToError(own.stream('spinAfter', [0], { timeLimitMs: 300 }))
  const rest = await collectToError(values)
  assert.deepEqual([rest.values, codeOf(rest.error)], [[2], 'CAROM_CHILD_LOST'])
  assert.equal((rest.error as unknown as { certificate: { killedBy: string } }).certificate.killedBy, 'neighbour')
  assert.ok((await spinner).error instanceof TimeLimitExceeded)
})

function codeOf(error: Error | null): unknown {
  return (error as { code?: unknown } | null)?.code
}
