import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import { collect, collectToError } from './collect.ts'
import type * as Ending from './fixtures/ending.ts'
import { caromFailureOf, failureOf, openPool, readyPids } from './real-pool.ts'

test('join() waits for the end of a pool that ends, and for no other', async (t) => {
  const pool = openPool<typeof Ending>(t, 'ending')
  assert.ok((await failureOf(pool.join())) instanceof TypeError)
  assert.ok((await failureOf(pool.join({ timeoutMs: 5 }))) instanceof TypeError)
  const waiting = pool.exports.wait(800)
  void pool.close()
  const late = await caromFailureOf(pool.join({ timeoutMs: 50 }), 'CAROM_JOIN_TIMEOUT')
  assert.equal(late.open, 1)
  assert.match(late.message, /had not ended after 50 ms: 1 jobs are open. It goes on ending/)
  assert.ok((await failureOf(pool.join({ timeoutMs: -1 }))) instanceof RangeError)
  await pool.join({ timeoutMs: 60_000 })
  assert.equal(pool.state, 'ended')
  assert.equal(await waiting, 800)
  await pool.join()
  await pool.join({ timeoutMs: 0 })
})

test('The state of a pool is run, then close or terminate, and at last ended', async (t) => {
  const pool = openPool<typeof Ending>(t, 'ending')
  assert.equal(pool.state, 'run')
  const waiting = failureOf(pool.exports.wait(60_000))
  const closed = pool.close()
  assert.equal(pool.state, 'close')
  const terminated = pool.terminate()
  assert.equal(pool.state, 'terminate')
  await Promise.all([closed, terminated, waiting])
  assert.equal(pool.state, 'ended')
  void pool.close()
  assert.equal(pool.state, 'ended')
})

test('close() lets every kind of call that is under way come to its end', async (t) => {
  const pool = openPool<typeof Ending>(t, 'ending', { processes: 2 })
  await readyPids(pool, 2)
  const values = pool.stream('count', [500])
  assert.deepEqual(await values.next(), { value: 1, done: false })
  const calls = [pool.exports.wait(10), pool.exports.wait(20)]
  const mapped = pool.map('wait', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], { chunkSize: 2 })
  const closed = pool.close()
  assert.deepEqual(await Promise.all(calls), [10, 20])
  assert.deepEqual(await mapped, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.equal((await collect(values)).length, 499)
  await closed
})

for (const form of ['imap', 'imapUnordered'] as const) {
  test(`${form}() on a pool that closes gives the results of what it was given, and then fails`, async (t) => {
    const pool = openPool<typeof Ending>(t, 'ending')
    const results = pool[form]('wait', [1, 2, 3, 4, 5, 6])
    assert.deepEqual(await results.next(), { value: 1, done: false })
    const closed = pool.close()
    const { values, error } = await collectToError(results)
    assert.equal((error as { code?: unknown } | null)?.code, 'CAROM_POOL_CLOSED')
    assert.deepEqual(values, [2, 3, 4, 5, 6].slice(0, values.length))
    assert.ok(values.length >= 1 && values.length < 5, 'some were under way, and some were not')
    await closed
  })
}

test('terminate() settles every kind of call that is under way', async (t) => {
  const pool = openPool<typeof Ending>(t, 'ending', { processes: 2 })
  await readyPids(pool, 2)
  const values = pool.stream('count', [500])
  assert.deepEqual(await values.next(), { value: 1, done: false })
  const ordered = pool.imap('wait', [60_000, 60_000])
  const unordered = pool.imapUnordered('wait', [60_000, 60_000])
  const pending = [
    ordered.next(),
    unordered.next(),
    pool.exports.wait(60_000),
    pool.map('wait', [60_000, 60_000, 60_000]),
    pool.starmap('add', [[1, 2]]),
    pool.stream('count', [3]).next(),
  ]
  const failures = pending.map((promise) => caromFailureOf(promise, 'CAROM_JOB_TERMINATED'))
  await until(() => pool.stats().open === 11, { what: 'all are under way' })
  await pool.terminate()
  await Promise.all(failures)
  const rest = await collectToError(values)
  assert.equal((rest.error as { code?: unknown } | null)?.code, 'CAROM_JOB_TERMINATED')
  assert.deepEqual(rest.values.length, 15, 'what had arrived')
  assert.equal(pool.stats().open, 0)
})

test('A pool that ends takes no call of any form, not even a map of nothing', async (t) => {
  const pool = openPool<typeof Ending>(t, 'ending')
  const waiting = pool.exports.wait(200)
  const closed = pool.close()
  const refused = async () => {
    for (const call of [
      pool.apply('add', [1, 2]),
      pool.exports.add(1, 2),
      pool.exports.add.with({ priority: 1 })(1, 2),
      pool.map('wait', [1]),
      pool.map('wait', []),
      pool.starmap('add', [[1, 2]]),
      pool.imap('wait', [1]).next(),
      pool.imapUnordered('wait', [1]).next(),
      pool.istarmap('add', [[1, 2]]).next(),
      pool.stream('count', [3]).next(),
    ]) {
      await caromFailureOf(call, 'CAROM_POOL_CLOSED')
    }
    assert.throws(() => pool.applyAsync('add', [1, 2]), { code: 'CAROM_POOL_CLOSED' })
    assert.throws(() => pool.mapAsync('wait', [1]), { code: 'CAROM_POOL_CLOSED' })
    assert.throws(() => pool.starmapAsync('add', [[1, 2]]), { code: 'CAROM_POOL_CLOSED' })
  }
  await refused()
  assert.equal(await waiting, 200)
  await closed
  await refused()
  assert.equal(pool.terminateJob(1), false)
})

test('Disposing of a pool closes it', async (t) => {
  const pool = openPool<typeof Ending>(t, 'ending')
  const sum = pool.exports.add(1, 2)
  await pool[Symbol.asyncDispose]()
  assert.deepEqual([await sum, pool.state], [3, 'ended'])
})

test('didStartOk() is false when the latest start has failed', async (t) => {
  const pool = openPool<typeof Ending>(t, 'ending', { initializer: 'refuse' })
  assert.equal(pool.didStartOk(), true, 'none has failed yet')
  await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')
  assert.equal(pool.didStartOk(), false)
  await pool.close()
  assert.equal(pool.didStartOk(), false)
})
