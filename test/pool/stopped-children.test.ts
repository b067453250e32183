import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { isAlive, processFacts } from './proc.ts'
import { caromFailureOf, deathOf, openPool, readyPids, startedPids } from './real-pool.ts'

test('A job given to a child that was stopped while idle runs in another one, and the first is killed as unheard', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { acceptTimeoutMs: 300 })
  const ends = endsOf(pool)
  const [pid] = await readyPids(pool, 1)
  await stop(pid as number)
  assert.notEqual(await pool.exports.pid(), pid)
  assert.deepEqual(ends, [['unheard', 'SIGKILL', 'running']])
})

test('What a stopped child had begun is lost with it, and what it had not goes to another', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { acceptTimeoutMs: 300, concurrencyPerChild: 2 })
  const running = pool.applyAsync('never', [])
  await until(() => running.state === 'accepted', { what: 'the first job runs' })
  const [pid] = await readyPids(pool, 1)
  await stop(pid as number)
  const other = pool.applyAsync('pid', [])
  assert.equal(other.state, 'dispatched')
  assert.equal((await deathOf(running.result)).killedBy, 'unheard')
  assert.notEqual(await other.result, pid)
})

test('A job whose child is stopped while it runs is ended by its time limit', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const ends = endsOf(pool)
  const job = pool.applyAsync('spin', [], { timeLimitMs: 400 })
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  const [pid] = pool.stats().processes as [number]
  await stop(pid)
  const error = await caromFailureOf(job.result, 'CAROM_TIME_LIMIT')
  assert.equal(error.pid, pid)
  assert.deepEqual(ends, [['time-limit', 'SIGKILL', 'running']])
  assert.notEqual(await pool.exports.pid(), pid)
})

test('A child that is stopped and continued within its limits has lost nothing', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { timeLimitMs: 60_000 })
  const job = pool.applyAsync('pause', [50])
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  const [pid] = pool.stats().processes as [number]
  await stop(pid)
  const next = pool.applyAsync('pid', [])
  process.kill(pid, 'SIGCONT')
  assert.deepEqual([await job.result, await next.result], [pid, pid])
})

test('close() ends a child that was stopped while idle after stopTimeoutMs, terminate() at once', async (t) => {
  for (const [end, killedIn] of [
    ['close', 'stopping'],
    ['terminate', 'running'],
  ] as const) {
    const pool = openPool<typeof Jobs>(t, 'jobs', { stopTimeoutMs: end === 'close' ? 200 : 600_000 })
    const ends = endsOf(pool)
    const [pid] = (await readyPids(pool, 1)) as [number]
    await stop(pid)
    await pool[end]()
    assert.deepEqual([isAlive(pid), ends], [false, [['pool', 'SIGKILL', killedIn]]])
  }
})

test('A child that is stopped while it starts is a failed start, and costs no job', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { startTimeoutMs: 2_000 })
  const ends = endsOf(pool)
  const [pid] = await startedPids(pool, 1)
  process.kill(pid as number, 'SIGSTOP')
  assert.notEqual(await pool.exports.pid(), pid)
  assert.deepEqual(ends[0], ['pool', 'SIGKILL', 'starting'])
})

test('A parent that stood still does not blame a child for what it had said in time', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { acceptTimeoutMs: 200 })
  const [pid] = await readyPids(pool, 1)
  // The round of looks that is due meanwhile comes before what is in the channel.
  for (let round = 0; round < 3; round++) {
    const job = pool.applyAsync('pid', [])
    await new Promise<void>((resolve) => process.nextTick(resolve))
    standStill(400)
    assert.equal(await job.result, pid)
  }
})

/** As a long computation of the parent's owner does. */
function standStill(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}

async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await until(() => processFacts(pid)?.state === 'T', { what: 'the child is stopped' })
}

function endsOf<M>(pool: Pool<M>): unknown[] {
  const ends: unknown[] = []
  pool.on('childDown', ({ killedBy, signal, phase }) => ends.push([killedBy, signal, phase]))
  return ends
}
