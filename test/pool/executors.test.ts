import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { EXECUTORS } from '../../src/pool/capabilities.ts'
import { type JobInfo, Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Anywhere from './fixtures/any-executor.ts'
import { caromFailureOf, failureOf, fixture } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

const module = fixture('any-executor')

for (const executor of EXECUTORS) {
  const started = executor === 'prefork' ? { startMethod: START_METHOD } : {}
  const options = { module, executor, processes: 1, stopTimeoutMs: 100, ...started }
  const pool = new Pool<typeof Anywhere>({ ...options, concurrencyPerChild: 5, maxPayloadBytes: 4_000_000 })
  const narrow = new Pool<typeof Anywhere>(options)
  after(() => Promise.all([pool.terminate(), narrow.terminate()]))

  test(`${executor}: results come back, of functions that wait and of those that do not`, async () => {
    assert.equal(await pool.apply('sum', [1, 2]), 3)
    assert.equal(await pool.exports.double(21), 42)
    const sums = await Promise.all(Array.from({ length: 500 }, (_, n) => pool.exports.sum(n, 1)))
    assert.deepEqual(
      sums,
      Array.from({ length: 500 }, (_, n) => n + 1),
    )
  })

  test(`${executor}: values are copied, and keep their kind`, async () => {
    const inner = { when: new Date(5), map: new Map([['a', new Set([1n])]]), bytes: Buffer.from('hello') }
    const back = (await pool.exports.echo({ inner, again: inner })) as { inner: typeof inner; again: typeof inner }
    assert.deepEqual(back, { inner, again: inner })
    assert.equal(back.inner, back.again)
    assert.notEqual(back.inner, inner)
    assert.ok(Buffer.isBuffer(back.inner.bytes))
    const large = new Uint8Array(3_000_000).fill(7)
    const echoed = pool.exports.echo(large)
    large.fill(8)
    assert.deepEqual(await echoed, Buffer.alloc(3_000_000, 7), 'what happens after the call does not reach it')
    assert.equal(large.length, 3_000_000)
    await caromFailureOf(pool.exports.echo(() => 1) as Promise<unknown>, 'CAROM_ARGUMENTS_UNENCODABLE')
    await caromFailureOf(pool.exports.makeFunction() as Promise<unknown>, 'CAROM_RESULT_UNENCODABLE')
  })

  test(`${executor}: arguments and results over the limit are refused with their size`, async () => {
    const error = await caromFailureOf(pool.exports.makeText(4_000_001), 'CAROM_RESULT_TOO_LARGE')
    assert.equal(error.sizeBytes, 4_000_001)
    await caromFailureOf(pool.exports.echo('x'.repeat(4_000_001)) as Promise<unknown>, 'CAROM_ARGUMENTS_TOO_LARGE')
  })

  test(`${executor}: a function's error arrives with its name, code, cause and remote stack`, async () => {
    const error = await failureOf(pool.exports.throwError())
    assert.deepEqual([error.name, error.message, error.status], ['RangeError', 'the outer reason', 503])
    assert.match(error.stack ?? '', /RangeError: the outer reason\n +at throwError \(.*values\.js/)
    const cause = error.cause as Error & { readonly code: string }
    assert.deepEqual([cause.name, cause.code], ['TypeError', 'ENOENT'])
    assert.equal((await failureOf(pool.exports.throwHostile())).message, 'A thrown Error without a message')
  })

  test(`${executor}: an export that is not there is an error that names those that are`, async () => {
    const error = await caromFailureOf((pool as unknown as Pool).apply('nothing', []), 'CAROM_EXPORT_UNKNOWN')
    assert.match(error.message, /it has: .*callNumber/)
  })

  test(`${executor}: maps give results in order, and the first failure with its place`, async () => {
    const items = Array.from({ length: 100 }, (_, n) => n)
    const doubled = items.map((n) => 2 * n)
    assert.deepEqual(await pool.map('double', items), doubled)
    assert.deepEqual(await pool.starmap('sum', PAIRS), [3, 7])
    assert.deepEqual(await collect(pool.imap('double', items, { chunkSize: 7 })), doubled)
    assert.deepEqual(await collect(pool.istarmap('sum', PAIRS)), [3, 7])
    const unordered = await collect(pool.imapUnordered('double', items))
    assert.deepEqual(
      unordered.sort((a, b) => a - b),
      doubled,
    )
    const error = await failureOf(pool.map('refuseOdd', [0, 2, 4, 7, 8], { chunkSize: 2 }))
    assert.deepEqual([error.message, error.code, error.itemIndex], ['7 is odd', 'EODD', 3])
  })

  test(`${executor}: a stream yields no faster than it is read, and ends with its return value`, async () => {
    const before = await pool.exports.streamState()
    const stream = pool.stream('count', [1_000])
    assert.deepEqual(await stream.next(), { done: false, value: 1 })
    const yielded = async () => (await pool.exports.streamState()).yielded - before.yielded
    await until(async () => (await yielded()) >= 16, { what: 'the first credit is used up' })
    for (let look = 0; look < 20; look++) assert.equal(await yielded(), 16)
    const rest: number[] = []
    let step = await stream.next()
    for (; !step.done; step = await stream.next()) rest.push(step.value)
    assert.equal(rest.length, 999)
    assert.equal(step.value, '1000 in all')
  })

  test(`${executor}: whoever leaves a stream early ends it in the child`, async () => {
    const before = await pool.exports.streamState()
    for await (const n of pool.stream('count', [1_000_000])) if (n === 40) break
    const after = await pool.exports.streamState()
    assert.equal(after.endedStreams - before.endedStreams, 1)
    assert.ok(after.yielded - before.yielded < 100)
  })

  test(`${executor}: progress is told to the caller`, async () => {
    const told: unknown[] = []
    assert.equal(await pool.apply('reportProgress', [3], { onProgress: (value) => told.push(value) }), 3)
    assert.deepEqual(told, [{ step: 1 }, { step: 2 }, { step: 3 }])
  })

  test(`${executor}: as many jobs run at once as there are places`, async () => {
    const counts = await Promise.all(Array.from({ length: 10 }, () => pool.exports.meet(5)))
    assert.deepEqual(counts, new Array(10).fill(5))
  })

  test(`${executor}: of two queued jobs the one with the higher priority starts first`, async () => {
    const order: number[] = []
    const blocker = narrow.applyAsync('untilAborted', [])
    await until(() => blocker.state === 'accepted', { what: 'the only place is taken' })
    const jobs = [0, 5, -5, 5].map((priority) => narrow.applyAsync('sum', [priority, 0], { priority }))
    narrow.on('settled', ({ id }) => order.push(jobs.findIndex((job) => job.id === id)))
    blocker.cancel()
    await Promise.all(jobs.map(({ result }) => result))
    narrow.removeAllListeners('settled')
    assert.deepEqual(order, [-1, 1, 3, 0, 2])
  })

  test(`${executor}: cancelling drops a queued job and aborts the signal of a running one`, async () => {
    const running = narrow.applyAsync('untilAborted', [])
    const queued = narrow.applyAsync('sum', [1, 2])
    queued.cancel()
    await caromFailureOf(queued.result, 'CAROM_JOB_CANCELLED')
    await until(() => running.state === 'accepted', { what: 'the job runs' })
    running.cancel()
    assert.equal(await running.result, 'CAROM_JOB_CANCELLED')
    assert.equal(await narrow.exports.sum(1, 2), 3)
  })

  test(`${executor}: an AbortSignal takes its call back, and gives up one that does not listen`, async () => {
    const controller = new AbortController()
    const stubborn = narrow.apply('never', [], { signal: controller.signal })
    await new Promise((resolve) => narrow.once('accepted', resolve))
    controller.abort(new Error('changed my mind'))
    const error = await caromFailureOf(stubborn, 'CAROM_JOB_CANCELLED')
    assert.equal((error.cause as Error).message, 'changed my mind')
    assert.equal(await narrow.exports.sum(1, 2), 3)
  })

  test(`${executor}: a soft limit aborts the signal, and ends a loop that looks at its deadline`, async () => {
    const limits: unknown[] = []
    narrow.on('timeout', ({ name }: JobInfo, limit) => limits.push([name, limit]))
    assert.equal(await narrow.apply('untilAborted', [], { softTimeLimitMs: 100 }), 'CAROM_SOFT_TIME_LIMIT')
    assert.deepEqual(limits, [['untilAborted', 'soft']])
    const looping = narrow.exports.loopUntilDeadline.with({ softTimeLimitMs: 100 })()
    assert.equal((await caromFailureOf(looping, 'CAROM_SOFT_TIME_LIMIT')).softTimeLimitMs, 100)
  })
}

const PAIRS: [number, number][] = [
  [1, 2],
  [3, 4],
]

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}
