/** What a hard time limit ends, however little the job hears of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DeathCertificate, isCaromError, TimeLimitExceeded } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { failureOf, openPool, readyPids } from './real-pool.ts'

for (const [what, module, name] of [
  ['a loop without end', 'jobs', 'spin'],
  ['an endless row of microtasks', 'limits', 'microtasks'],
  ['Atomics.wait', 'limits', 'waitOnMemory'],
  ['a pattern that backtracks without end', 'limits', 'badPattern'],
  ['a promise that never resolves', 'jobs', 'never'],
] as const) {
  test(`The hard limit ends ${what} with its child, and the next job runs in a fresh one`, async (t) => {
    const pool = openPool(t, module, { timeLimitMs: 200 })
    const [pid] = await readyPids(pool, 1)
    const job = pool.applyAsync(name, [])
    const error = await failureOf(job.result)
    assert.ok(error instanceof TimeLimitExceeded)
    assert.ok(isCaromError(error, 'CAROM_TIME_LIMIT'))
    const { killedBy, signal, ranMs, pid: dead } = error.certificate as DeathCertificate
    assert.deepEqual([killedBy, signal, dead, error.pid, error.jobId], ['time-limit', 'SIGKILL', pid, pid, job.id])
    assert.ok(ranMs !== null && ranMs >= 200, `it ran for ${ranMs} ms`)
    assert.match(error.message, new RegExp(`^Job ${job.id} \\(${name}\\) ran for ${ranMs} ms, over its time limit`))
    assert.notEqual(await pool.apply('pid', [], { timeLimitMs: 60_000 }), pid)
  })
}

test('Listeners hear of the soft and of the hard limit, in that order', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const heard: unknown[] = []
  pool.on('timeout', ({ id, name }, limit) => heard.push([id, name, limit]))
  const job = pool.applyAsync('spin', [], { softTimeLimitMs: 100, timeLimitMs: 400 })
  await failureOf(job.result)
  assert.deepEqual(heard, [
    [job.id, 'spin', 'soft'],
    [job.id, 'spin', 'hard'],
  ])
})

test('A result that has arrived when the limit passes counts, and its child lives', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  let timeouts = 0
  pool.on('timeout', () => timeouts++)
  const job = pool.applyAsync('pause', [50], { timeLimitMs: 400 })
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  // Result and limit are both due when this process goes on, and timers have the first turn after an immediate.
  await new Promise((resolve) => setImmediate(resolve))
  for (const endAtMs = performance.now() + 600; performance.now() < endAtMs; );
  assert.equal(await pool.exports.pid(), await job.result)
  assert.equal(timeouts, 0)
})
