import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCaromError, Pool, SoftTimeLimitExceeded, TimeLimitExceeded } from '../../src/pool/index.ts'
import type * as Jobs from './fixtures/jobs.ts'
import type * as Limits from './fixtures/limits.ts'
import { failureOf, fixture, openPool, readyPids } from './real-pool.ts'

const AT_THE_SOFT_LIMIT = {
  name: 'SoftTimeLimitExceeded',
  code: 'CAROM_SOFT_TIME_LIMIT',
  isOwnClass: true,
  isCarom: true,
  softTimeLimitMs: 150,
}

test("The soft limit aborts the job's signal with SoftTimeLimitExceeded, and the job may still give a result", async (t) => {
  const pool = openPool<typeof Limits>(t, 'limits', { softTimeLimitMs: 150 })
  assert.deepEqual(await pool.exports.hear(), AT_THE_SOFT_LIMIT)
  assert.deepEqual(await pool.exports.lookLate(400), AT_THE_SOFT_LIMIT, 'also if it looks when all is over')
})

test('checkDeadline() throws the same in a loop that never waits, which may catch it', async (t) => {
  const pool = openPool<typeof Limits>(t, 'limits')
  const pid = await readyPids(pool, 1)
  assert.deepEqual(await pool.exports.loopAndCatch.with({ softTimeLimitMs: 150 })(), AT_THE_SOFT_LIMIT)
  assert.deepEqual(await readyPids(pool, 1), pid)
})

test('A soft limit that the job lets through reaches its caller as what it was in the child', async (t) => {
  const pool = openPool<typeof Limits>(t, 'limits', { softTimeLimitMs: 150 })
  const [pid] = await readyPids(pool, 1)
  for (const job of [pool.applyAsync('letThrough', []), pool.applyAsync('loop', [])]) {
    const error = await failureOf(job.result)
    assert.ok(error instanceof SoftTimeLimitExceeded)
    assert.ok(isCaromError(error, 'CAROM_SOFT_TIME_LIMIT'))
    assert.deepEqual([error.name, error.jobId, error.softTimeLimitMs], ['SoftTimeLimitExceeded', job.id, 150])
    assert.match(error.message, /longer than its soft time limit of 150 ms/)
  }
  assert.deepEqual(await readyPids(pool, 1), [pid], 'no child was killed for it')
})

test("A job's own limits go before those of its pool", async (t) => {
  const pool = openPool<typeof Limits>(t, 'limits', { softTimeLimitMs: 200, timeLimitMs: 500 })
  const limits: unknown[] = []
  pool.on('timeout', (_, limit) => limits.push(limit))
  assert.equal(await pool.exports.pauseAndLook.with({ softTimeLimitMs: 8_000, timeLimitMs: 9_000 })(800), false)
  assert.deepEqual(limits, [])
  const early = await failureOf(pool.exports.pauseAndLook.with({ timeLimitMs: 150 })(60_000))
  assert.ok(early instanceof TimeLimitExceeded)
  assert.deepEqual(limits, ['hard'], "the pool's soft limit means nothing where the job has to be over before")
  assert.equal(await pool.exports.pauseAndLook(300), true)
})

test('Limits that cannot be kept are refused, by the pool and by the call, and no child is asked', async (t) => {
  const module = fixture('limits')
  const limits = { softTimeLimitMs: 200, timeLimitMs: 200 }
  assert.throws(
    () => new Pool({ module, ...limits }),
    /RangeError: softTimeLimitMs \(200\) has to be below timeLimitMs/,
  )
  assert.throws(() => new Pool({ module, timeLimitMs: 0 }), RangeError)
  assert.throws(() => new Pool({ module, memoryLimitBytes: 1.5 }), RangeError)
  const pool = openPool<typeof Limits>(t, 'limits', { timeLimitMs: 1_000 })
  assert.throws(() => pool.applyAsync('hear', [], limits), RangeError)
  assert.throws(() => pool.applyAsync('hear', [], { softTimeLimitMs: 1_000 }), RangeError)
  assert.throws(() => pool.applyAsync('hear', [], { timeLimitMs: 2 ** 31 }), RangeError)
  assert.throws(() => pool.applyAsync('hear', [], { memoryLimitBytes: 0 }), RangeError)
  assert.ok((await failureOf(pool.apply('hear', [], limits))) instanceof RangeError)
  assert.ok((await failureOf(pool.exports.hear.with(limits)())) instanceof RangeError)
  assert.equal(pool.stats().open, 0)
})

test('The clock of a job starts when a child has begun it: waiting in the queue costs nothing', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const first = pool.exports.pause(900)
  const waiting = pool.exports.pause.with({ timeLimitMs: 700, softTimeLimitMs: 600 })(10)
  assert.equal(await waiting, await first)
})

test('The limit of a job that has ended does not hit those after it in the same child', async (t) => {
  const pool = openPool<typeof Limits>(t, 'limits', { softTimeLimitMs: 600, timeLimitMs: 700 })
  const pids = await readyPids(pool, 1)
  const late = await Promise.all(Array.from({ length: 150 }, () => pool.exports.pauseAndLook(8)))
  assert.deepEqual(late, new Array(150).fill(false))
  assert.deepEqual(await readyPids(pool, 1), pids)
})
