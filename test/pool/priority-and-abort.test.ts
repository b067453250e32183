import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import type * as Ledger from './fixtures/ledger.ts'
import type * as Streams from './fixtures/streams.ts'
import { ledgerFile, linesOf } from './ledger-file.ts'
import { caromFailureOf, failureOf, openPool, readyPids } from './real-pool.ts'

test('Of the jobs that wait the highest priority starts first, and equal ones in their order', async (t) => {
  const file = ledgerFile(t)
  const pool = openPool<typeof Ledger>(t, 'ledger')
  const priorities = [0, -100, 5, 100, 0, 5, -1, 0]
  const record = (priority: number, at: number) => pool.exports.record.with({ priority })(file, at, 0)
  await readyPids(pool, 1)
  // The first takes the only child; the others are queued when it is free.
  await Promise.all([pool.exports.record(file, 99, 200), ...priorities.map(record)])
  assert.deepEqual(linesOf(file), [99, 3, 2, 5, 0, 4, 7, 6, 1])
})

test('A priority out of range is refused', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  for (const priority of [101, -101, 0.5, Number.NaN]) {
    assert.throws(() => pool.applyAsync('pid', [], { priority }), /RangeError: Cannot set priority to/)
  }
})

test('A call with a signal that is aborted already is not given to the pool', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const streams = openPool<typeof Streams>(t, 'streams')
  const reason = new Error('too late')
  const signal = AbortSignal.abort(reason)
  assert.throws(() => pool.applyAsync('pid', [], { signal }), { code: 'CAROM_JOB_CANCELLED' })
  for (const call of [
    pool.apply('pid', [], { signal }),
    pool.exports.pid.with({ signal })(),
    pool.map('echo', [1], { signal }),
    pool.imap('echo', [1], { signal }).next(),
    streams.stream('count', [3], { signal }).next(),
  ]) {
    assert.equal((await caromFailureOf(call, 'CAROM_JOB_CANCELLED')).cause, reason)
  }
  assert.equal(pool.stats().open, 0)
})

test('Aborting a queued job takes it back: it never runs, and its error has the reason as its cause', async (t) => {
  const file = ledgerFile(t)
  const pool = openPool<typeof Ledger>(t, 'ledger')
  const controller = new AbortController()
  const running = pool.exports.record(file, 1, 300)
  const queued = pool.applyAsync('record', [file, 2, 0], { signal: controller.signal })
  controller.abort(new RangeError('not needed any more'))
  assert.equal(queued.state, 'settled', 'at once')
  const { cause, message } = await caromFailureOf(queued.result, 'CAROM_JOB_CANCELLED')
  assert.deepEqual([cause, message], [controller.signal.reason, 'The call of "record" was aborted'])
  assert.deepEqual([await running, await pool.exports.record(file, 3, 0)], [1, 3])
  assert.deepEqual(linesOf(file), [1, 3])
})

test('Aborting a running job that listens lets it end by itself, and its result counts', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const pids = await readyPids(pool, 1)
  const controller = new AbortController()
  const job = pool.applyAsync('untilAborted', [], { signal: controller.signal })
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  controller.abort()
  assert.equal(await job.result, 'CAROM_JOB_CANCELLED')
  assert.deepEqual(await readyPids(pool, 1), pids)
})

test('An aborted job that fails is told as aborted, with the reason as its cause', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const pids = await readyPids(pool, 1)
  const controller = new AbortController()
  const job = pool.applyAsync('untilAbortedThenThrow', [], { signal: controller.signal })
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  controller.abort('enough')
  assert.equal((await caromFailureOf(job.result, 'CAROM_JOB_CANCELLED')).cause, 'enough')
  assert.deepEqual(await readyPids(pool, 1), pids)
})

for (const name of ['never', 'spin'] as const) {
  test(`An aborted job that does not listen (${name}) is killed with its child after stopTimeoutMs`, async (t) => {
    const pool = openPool<typeof Jobs>(t, 'jobs', { stopTimeoutMs: 200 })
    const [pid] = await readyPids(pool, 1)
    const controller = new AbortController()
    const job = pool.applyAsync(name, [], { signal: controller.signal })
    await until(() => job.state === 'accepted', { what: 'the job runs' })
    const abortedAtMs = performance.now()
    controller.abort(new Error('enough'))
    const error = await caromFailureOf(job.result, 'CAROM_JOB_CANCELLED')
    assert.equal(error.cause, controller.signal.reason)
    assert.ok(performance.now() - abortedAtMs >= 199, 'it had its time')
    assert.notEqual(await pool.exports.pid(), pid)
  })
}

test('A signal is left without listeners by calls of every form, however they end', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  const streams = openPool<typeof Streams>(t, 'streams')
  const { signal } = new AbortController()
  const options = { signal }
  const listeners = () => getEventListeners(signal, 'abort').length
  await pool.apply('add', [1, 2], options)
  await failureOf(pool.apply('exit', [1], options))
  await failureOf(pool.apply('never', [], { signal, timeLimitMs: 100 }))
  await pool.map('echo', [1, 2, 3], options)
  for await (const _ of pool.imap('echo', [1, 2, 3], options)) break
  for await (const _ of streams.stream('count', [3], options)) break
  await until(() => pool.stats().open === 0, { what: 'all is settled' })
  assert.equal(listeners(), 0)
  const refused = await failureOf(pool.apply('echo', [() => 1], options))
  assert.deepEqual([refused.code, listeners()], ['CAROM_ARGUMENTS_UNENCODABLE', 0])
  const job = pool.applyAsync('never', [], options)
  assert.ok(listeners() > 0)
  job.terminate()
  await failureOf(job.result)
  assert.equal(listeners(), 0)
})

test('One signal may take back any number of calls, and nobody is warned of a leak', async (t) => {
  const warnings: Error[] = []
  const warned = (warning: Error) => warnings.push(warning)
  process.on('warning', warned)
  t.after(() => process.off('warning', warned))
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const controller = new AbortController()
  const { signal } = controller
  const calls = Array.from({ length: 100 }, () => pool.applyAsync('pause', [60_000], { signal }))
  const mapped = pool.mapAsync('pause', new Array(100).fill(60_000), { signal, chunkSize: 1, timeLimitMs: 60_000 })
  await until(() => calls[0]?.state === 'accepted', { what: 'the first runs' })
  controller.abort(new Error('all of them'))
  calls[0]?.terminate()
  for (const { result } of [...calls, mapped]) {
    assert.equal((await caromFailureOf(result, 'CAROM_JOB_CANCELLED')).cause, signal.reason)
  }
  assert.deepEqual(warnings, [])
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('A job that is aborted on its way to a child is given back by it, or asked to stop there', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  await readyPids(pool, 1)
  const controller = new AbortController()
  const job = pool.applyAsync('untilAborted', [], { signal: controller.signal })
  assert.equal(job.state, 'dispatched')
  controller.abort()
  const end = await job.result.catch(({ code }) => code)
  assert.equal(end, 'CAROM_JOB_CANCELLED')
})

test('terminateJob() ends the job of that number, and says whether there was one', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const running = pool.applyAsync('spin', [])
  const queued = pool.applyAsync('pid', [])
  await until(() => running.state === 'accepted', { what: 'the job runs' })
  assert.equal(pool.terminateJob(queued.id), true)
  assert.equal(queued.state, 'settled')
  assert.equal(pool.terminateJob(running.id), true)
  for (const { result } of [queued, running]) await caromFailureOf(result, 'CAROM_JOB_TERMINATED')
  assert.equal(pool.terminateJob(running.id), false)
  assert.equal(pool.terminateJob(12_345), false)
})
