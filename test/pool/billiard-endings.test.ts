/** Behaviours of Billiard's pool, by their rows in `billiard.test.ts`: cancelling, terminating, closing, the end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { isAlive, processFacts } from './proc.ts'
import { caromFailureOf, openPool, readyPids } from './real-pool.ts'

type Functions = typeof Billiard

const LARGE = 'x'.repeat(8 * 1024 * 1024)

test('Rows 1, 91 and 93: a fresh pool has started well, and can be closed and terminated in any order and twice', async (t) => {
  for (const ends of [
    ['close', 'close', 'terminate', 'terminate'],
    ['terminate', 'terminate', 'close', 'close'],
  ] as const) {
    const pool = openPool<Functions>(t, 'billiard')
    assert.equal(pool.didStartOk(), true)
    for (const end of ends) {
      await pool[end]()
      assert.equal(pool.state, 'ended')
    }
  }
})

test('Rows 28 and 130: terminate() ends what would never end, and then nothing is alive', async (t) => {
  const pool = openPool<Functions>(t, 'billiard', { processes: 2 })
  const pids = await readyPids(pool, 2)
  const jobs = [pool.applyAsync('spin', []), pool.applyAsync('never', [])]
  await until(() => jobs.every(({ state }) => state === 'accepted'), { what: 'both run' })
  const settled = Promise.all(jobs.map(({ result }) => caromFailureOf(result, 'CAROM_JOB_TERMINATED')))
  await pool.terminate()
  await pool.join({ timeoutMs: 0 })
  await settled
  assert.deepEqual(pids.filter(isAlive), [])
})

test('Rows 58 and 88: terminate() with ten thousand jobs in the queue fails each of them, at once', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const busy = pool.applyAsync('spin', [])
  await until(() => busy.state === 'accepted', { what: 'the child is busy' })
  const jobs = Array.from({ length: 10_000 }, () => pool.applyAsync('add', [1, 2]))
  const startedAtMs = performance.now()
  await pool.terminate()
  await pool.join()
  assert.ok(performance.now() - startedAtMs < 5_000)
  const codes = await Promise.all(jobs.map(({ result }) => result.then(String, ({ code }) => code)))
  assert.deepEqual(new Set(codes), new Set(['CAROM_JOB_TERMINATED']))
})

test('Row 84: cancelling drops what has not begun, and only asks what has', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const [running, queued] = [pool.applyAsync('untilAborted', []), pool.applyAsync('add', [1, 2])]
  await until(() => running.state === 'accepted', { what: 'the first runs' })
  queued.cancel()
  await caromFailureOf(queued.result, 'CAROM_JOB_CANCELLED')
  assert.equal(running.state, 'accepted')
  running.cancel()
  assert.equal(await running.result, 'CAROM_JOB_CANCELLED')
})

test('Row 85: a job that was half written to a child that dies is written whole to another', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const pid = await stoppedChild(pool.exports.pid())
  const job = pool.applyAsync('lengthOf', [LARGE])
  assert.equal(job.state, 'dispatched')
  process.kill(pid, 'SIGKILL')
  assert.equal(await job.result, LARGE.length)
})

test('Row 86: a write that has begun is finished, though the pool closes meanwhile', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const pid = await stoppedChild(pool.exports.pid())
  const job = pool.applyAsync('lengthOf', [LARGE])
  const closed = pool.close()
  process.kill(pid, 'SIGCONT')
  assert.equal(await job.result, LARGE.length)
  await closed
})

test('Row 94: timers of this process go on while the pool is joined', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const job = pool.applyAsync('pause', [300])
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  let ticks = 0
  const timer = setInterval(() => ticks++, 10)
  t.after(() => clearInterval(timer))
  void pool.close()
  await pool.join({ timeoutMs: 20_000 })
  assert.ok(ticks >= 3, `${ticks} ticks`)
})

test('Row 98: a pool takes jobs only while it runs, and says in which state it is', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const running = pool.exports.pause(50)
  assert.equal(pool.state, 'run')
  const closed = pool.close()
  assert.equal(pool.state, 'close')
  await caromFailureOf(pool.exports.add(1, 2), 'CAROM_POOL_CLOSED')
  await Promise.all([running, closed])
  assert.equal(pool.state, 'ended')
  await caromFailureOf(pool.exports.add(1, 2), 'CAROM_POOL_CLOSED')
})

test('Row 114: terminating a job that its child has not begun takes effect when it would begin', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const pid = await stoppedChild(pool.exports.pid())
  const job = pool.applyAsync('never', [])
  assert.equal(job.state, 'dispatched')
  job.terminate()
  assert.equal(job.state, 'dispatched')
  process.kill(pid, 'SIGCONT')
  await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
  assert.equal(await pool.exports.add(1, 2), 3)
})

test('Row 119: terminateJob() kills what runs, drops what waits, and knows no other', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const [running, queued] = [pool.applyAsync('spin', []), pool.applyAsync('add', [1, 2])]
  await until(() => running.state === 'accepted', { what: 'the first runs' })
  assert.equal(pool.terminateJob(queued.id), true)
  assert.equal(queued.state, 'settled')
  assert.equal(pool.terminateJob(running.id), true)
  for (const { result } of [running, queued]) await caromFailureOf(result, 'CAROM_JOB_TERMINATED')
  assert.equal(pool.terminateJob(running.id), false)
  assert.equal(pool.terminateJob(10_000), false)
})

test('Row 129, complaint 19 (celery#4795): closing lets a running job finish, though everybody is sent SIGTERM, more than once', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const pid = await pool.exports.pid()
  const job = pool.applyAsync('pause', [100])
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  const closed = pool.close()
  for (let times = 0; times < 3; times++) process.kill(-pid, 'SIGTERM')
  assert.equal(await job.result, pid)
  await closed
  assert.equal(isAlive(pid), false)
})

/** The pid of a child that reads nothing any more. */
async function stoppedChild(asked: Promise<number>): Promise<number> {
  const pid = await asked
  process.kill(pid, 'SIGSTOP')
  await until(() => processFacts(pid)?.state === 'T', { what: 'the child is stopped' })
  return pid
}
