/** What users of Billiard and Celery complain of most, by its numbers in `billiard.test.ts`: here it does not happen. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type DeathCertificate, Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { processFacts } from './proc.ts'
import { caromFailureOf, failureOf, fixture, openPool, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

type Functions = typeof Billiard

// Shared by those that kill no more than its child; each leaves it idle.
const pool = new Pool<Functions>({ module: fixture('billiard'), startMethod: START_METHOD, processes: 1 })
after(() => pool.terminate())

test('Complaint 1 (billiard#104, celery#1218, billiard#457): a pool works on after each of three hard limits', async () => {
  for (let round = 0; round < 3; round++) {
    await caromFailureOf(pool.exports.spin.with({ timeLimitMs: 30 })(), 'CAROM_TIME_LIMIT')
    assert.equal(await pool.exports.add(round, 1), round + 1)
  }
})

test('Complaint 2 (celery#3085, billiard#67, billiard#278): recycling a child loses none of its results', async (t) => {
  const recycling = openPool<Functions>(t, 'billiard', { processes: 2, maxTasksPerChild: 2 })
  const results = await Promise.all(Array.from({ length: 14 }, () => recycling.exports.makeBytes(1_000_000)))
  assert.deepEqual(new Set(results.map(({ length }) => length)), new Set([1_000_000]))
})

test('Complaint 4 (billiard#380, celery#1406): a loss says which job, which signal, how large the child was, how long it ran', async (t) => {
  const doomed = openPool<Functions>(t, 'billiard')
  const job = doomed.applyAsync('never', [])
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  const [pid] = doomed.stats().processes as [number]
  process.kill(pid, 'SIGKILL')
  const error = await caromFailureOf(job.result, 'CAROM_CHILD_LOST')
  const { signal, killedBy, memoryBytes, ranMs } = error.certificate as DeathCertificate
  assert.deepEqual([error.jobId, error.pid, signal, killedBy], [job.id, pid, 'SIGKILL', 'signal'])
  assert.match(error.message, new RegExp(`job ${job.id} \\(never\\)`))
  if (process.platform === 'linux') assert.ok((memoryBytes as number) > 1_000_000)
  assert.ok((ranMs as number) >= 0)
})

test('Complaint 5 (celery#10462): a job that gets no memory fails as any other does, and gives its place back', async () => {
  const pid = await pool.exports.pid()
  assert.equal((await failureOf(pool.exports.allocateTooMuch())).name, 'RangeError')
  assert.equal(await pool.exports.pid(), pid)
})

test('Complaint 6 (celery#4185, billiard#389): a job that its child does not begin in time goes to another child', async (t) => {
  const deaths: DeathCertificate[] = []
  const stuck = openPool<Functions>(t, 'billiard', { acceptTimeoutMs: 300 })
  stuck.on('childDown', (death) => deaths.push(death))
  const pid = await stuck.exports.pid()
  await stop(pid)
  assert.notEqual(await stuck.exports.pid(), pid)
  assert.deepEqual(
    deaths.map(({ pid, killedBy }) => [pid, killedBy]),
    [[pid, 'unheard']],
  )
})

test('Complaint 8 (celery#7266, billiard#323): a child with a job that it has not begun is no idle child to shrink', async (t) => {
  const shrinking = openPool<Functions>(t, 'billiard', { processes: 2 })
  const pids = await readyPids(shrinking, 2)
  for (const pid of pids) await stop(pid)
  const jobs = pids.map(() => shrinking.applyAsync('pid', []))
  assert.deepEqual(
    jobs.map(({ state }) => state),
    ['dispatched', 'dispatched'],
  )
  const shrunk = shrinking.shrink()
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  assert.deepEqual(new Set(await Promise.all(jobs.map(({ result }) => result))), new Set(pids))
  await shrunk
})

test('Complaint 9 (celery#3434): no job waits behind a long one while another child is free', async (t) => {
  const fair = openPool<Functions>(t, 'billiard', { processes: 2 })
  await readyPids(fair, 2)
  // What has proved short is sent ahead.
  await Promise.all(Array.from({ length: 300 }, () => fair.exports.add(1, 2)))
  const long = fair.applyAsync('untilAborted', [])
  await Promise.all(Array.from({ length: 300 }, () => fair.exports.add(1, 2)))
  assert.equal(long.state, 'accepted')
  long.cancel()
  await long.result
})

test('Complaint 10 (celery#4789, celery#2805): the hard limit strikes a job that took no notice of the soft one', async () => {
  const told: string[] = []
  const listener = (_: unknown, limit: string): number => told.push(limit)
  pool.on('timeout', listener)
  await caromFailureOf(pool.exports.never.with({ softTimeLimitMs: 30, timeLimitMs: 120 })(), 'CAROM_TIME_LIMIT')
  pool.off('timeout', listener)
  assert.deepEqual(told, ['soft', 'hard'])
})

test('Complaint 11 (celery#4651, celery#1470): a loop that swallows its soft limit is ended by the hard one', async () => {
  const limits = { softTimeLimitMs: 30, timeLimitMs: 120 }
  await caromFailureOf(pool.exports.swallowDeadlines.with(limits)(), 'CAROM_TIME_LIMIT')
})

test('Complaint 12 (celery#5169, celery#2142): terminating a job at any moment hits no other', async (t) => {
  const quick = openPool<Functions>(t, 'billiard', { processes: 2 })
  await readyPids(quick, 2)
  for (const turns of [0, 1, 2, 5]) {
    const [target, other] = [quick.applyAsync('pause', [2]), quick.applyAsync('square', [turns])]
    const next = quick.applyAsync('add', [turns, 1])
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    target.terminate()
    assert.deepEqual([await other.result, await next.result], [turns * turns, turns + 1])
    const code = await target.result.then(
      () => null,
      ({ code }) => code as string,
    )
    assert.ok(code === null || code === 'CAROM_JOB_TERMINATED', String(code))
  }
})

test('Complaint 15 (celery#1310): a large job for a child that reads nothing blocks nobody, and is not lost with it', async (t) => {
  const two = openPool<Functions>(t, 'billiard', { processes: 2 })
  const [first, second] = (await readyPids(two, 2)) as [number, number]
  const held = two.applyAsync('untilAborted', [])
  const [, busy] = await new Promise<[unknown, number | null]>((resolve) => {
    two.once('accepted', (job, pid) => resolve([job, pid]))
  })
  const idle = busy === first ? second : first
  await stop(idle)
  const large = two.applyAsync('lengthOf', ['x'.repeat(8 * 1024 * 1024)])
  held.cancel()
  await held.result
  assert.equal(await two.exports.add(1, 2), 3)
  assert.equal(large.state, 'dispatched')
  process.kill(idle, 'SIGKILL')
  assert.equal(await large.result, 8 * 1024 * 1024)
})

/** From now on it reads nothing. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await until(() => processFacts(pid)?.state === 'T', { what: 'the child is stopped' })
}
