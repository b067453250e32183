/** Behaviours of Billiard's pool, by their rows in `billiard.test.ts`: more and fewer children, and what stats() tells. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { fixture, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

// One pool for all rows: each leaves it with two children, all of them idle.
const pool = new Pool<typeof Billiard>({
  module: fixture('billiard'),
  startMethod: START_METHOD,
  processes: 2,
  timeLimitMs: 60_000,
})
after(() => pool.terminate())

test('Row 139: stats() has the keys that `inspect stats` shows for a pool', async () => {
  const pids = await readyPids(pool, 2)
  const stats = pool.stats()
  assert.deepEqual([stats['max-concurrency'], stats.processes.length], [2, 2])
  assert.deepEqual([...stats.processes].sort(), [...pids].sort())
  assert.deepEqual([stats['max-tasks-per-child'], stats['put-guarded-by-semaphore']], ['N/A', false])
  assert.match(stats.implementation, /prefork/)
})

test('Row 95: a pool grows and shrinks by what it is told, and tells its limits as soft and hard', async () => {
  await pool.grow()
  assert.deepEqual([pool.stats().processes.length, pool.stats()['max-concurrency']], [3, 3])
  await pool.shrink()
  assert.deepEqual([pool.stats().processes.length, pool.stats()['max-concurrency']], [2, 2])
  assert.deepEqual(pool.stats().timeouts, [0, 60])
})

test('Row 101: busy children are shrunk when they have finished, and nothing fails', async () => {
  const jobs = [1, 2].map(() => pool.applyAsync('pause', [150]))
  await until(() => jobs.every(({ state }) => state === 'accepted'), { what: 'both children are busy' })
  await pool.shrink()
  assert.equal(pool.stats().processes.length, 1)
  const pids = await Promise.all(jobs.map(({ result }) => result))
  assert.equal(new Set(pids).size, 2)
  await pool.grow()
})

test('Row 89: a child is busy from the job it was given until that job or the child has ended', async () => {
  const active = () => pool.stats().writes.inqueues.active
  await readyPids(pool, 2)
  assert.equal(active(), 0)
  const [ends, dies] = [pool.applyAsync('untilAborted', []), pool.applyAsync('spin', [])]
  assert.equal(active(), 2)
  await until(() => [ends, dies].every(({ state }) => state === 'accepted'), { what: 'both run' })
  const running = pool.stats().children.flatMap((child) => child.running)
  assert.deepEqual(running.sort(), [ends.id, dies.id].sort())
  ends.cancel()
  await ends.result
  assert.equal(active(), 1)
  dies.terminate()
  await dies.result.catch(() => {})
  assert.equal(active(), 0)
})

test('Row 92 (billiard#122): restart() needs no job to wake up idle children: each is replaced by a fresh one', async () => {
  const before = await readyPids(pool, 2)
  await pool.restart()
  const now = await readyPids(pool, 2)
  assert.deepEqual(
    now.filter((pid) => before.includes(pid)),
    [],
  )
})

test('Row 103: a pool cannot be made smaller than one child, and stays what it was', async () => {
  await assert.rejects(async () => pool.shrink(2), RangeError)
  await assert.rejects(async () => pool.resize(0), RangeError)
  await assert.rejects(async () => pool.resize(-1), RangeError)
  assert.equal(pool.stats()['max-concurrency'], 2)
  assert.equal(await pool.exports.add(1, 2), 3)
})

test('Row 112: a pool survives children that vanish while it grows and shrinks, and loses only what they ran', async () => {
  for (const size of [3, 1, 2]) {
    const resized = pool.resize(size)
    const [victim] = pool.stats().processes
    const jobs = Array.from({ length: 10 }, () => pool.applyAsync('pause', [5]))
    process.kill(victim as number, 'SIGKILL')
    const codes = await Promise.all(
      jobs.map(({ result }) =>
        result.then(
          () => 'ok',
          ({ code }) => code as string,
        ),
      ),
    )
    assert.ok(codes.every((code) => code === 'ok' || code === 'CAROM_CHILD_LOST'))
    assert.ok(codes.filter((code) => code !== 'ok').length <= 1, codes.join())
    await resized
    await readyPids(pool, size)
  }
})
