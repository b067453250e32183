import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { openPool, readyPids } from './real-pool.ts'

test("stats() has the keys of Celery's pool", async (t) => {
  const limits = { maxTasksPerChild: 50, softTimeLimitMs: 1_500, timeLimitMs: 30_000 }
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2, concurrencyPerChild: 4, ...limits })
  const pids = await readyPids(pool, 2)
  for (let round = 0; round < 3; round++) await pool.exports.add(1, 2)
  const { writes, ...stats } = pool.stats()
  assert.equal(stats.implementation, 'carom.pool:prefork')
  assert.equal(stats['max-concurrency'], 8)
  assert.deepEqual(stats.processes, pids)
  assert.equal(stats['max-tasks-per-child'], 50)
  assert.equal(stats['put-guarded-by-semaphore'], false)
  assert.deepEqual(stats.timeouts, [1.5, 30], 'in seconds')
  const { raw, all, ...rest } = writes
  assert.deepEqual(rest, { total: 3, avg: '50.00%', strategy: 'fair', inqueues: { total: 2, active: 0 } })
  const each = raw.split(', ').map(Number)
  assert.deepEqual([each.length, (each[0] ?? 0) + (each[1] ?? 0)], [2, 3])
  assert.equal(all, each.map((count) => `${((100 * count) / 3).toFixed(2)}%`).join(', '))
})

test('stats() tells how long jobs waited and how long they ran', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  await readyPids(pool, 1)
  const none = { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, max: 0 }
  assert.deepEqual([pool.stats().waitMs, pool.stats().runMs], [none, none])
  await Promise.all([pool.exports.busy(300), pool.exports.add(1, 2), pool.exports.add(1, 2)])
  const { waitMs, runMs } = pool.stats()
  assert.deepEqual([waitMs.count, runMs.count], [3, 3])
  assert.ok(runMs.max >= 299 && runMs.p50 < 299 && runMs.mean >= 99, JSON.stringify(runMs))
  assert.ok(waitMs.p50 >= 299 && waitMs.max >= waitMs.p99, JSON.stringify(waitMs))
})

test('stats() counts what waits, what is open, and who is busy', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  await readyPids(pool, 2)
  const jobs = Array.from({ length: 5 }, () => pool.applyAsync('untilAborted', []))
  await until(() => jobs.filter(({ state }) => state === 'accepted').length === 2, { what: 'two run' })
  const { queued, open, writes, children } = pool.stats()
  assert.deepEqual([queued, open, writes.inqueues.active], [3, 5, 2])
  const running = children.flatMap((child) => child.running)
  assert.deepEqual(
    running.sort(),
    jobs.slice(0, 2).map(({ id }) => id),
  )
  assert.deepEqual(
    children.flatMap(({ waiting }) => waiting),
    [],
  )
  for (const job of jobs) job.cancel()
  await Promise.allSettled(jobs.map(({ result }) => result))
  const idle = pool.stats()
  assert.deepEqual([idle.queued, idle.open, idle.writes.inqueues.active], [0, 0, 0])
})
