import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import type * as Stubborn from './fixtures/stubborn.ts'
import { isAlive } from './proc.ts'
import { caromFailureOf, fixture, openPool, readyPids } from './real-pool.ts'

test('close() lets what was given to the pool run to its end, then ends every child', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  const results = Array.from({ length: 20 }, () => pool.exports.pause(20))
  const pids = await readyPids(pool, 2)
  await pool.close()
  for (const result of results) assert.ok(pids.includes(await result))
  assert.deepEqual(pids.filter(isAlive), [])
  assert.deepEqual([pool.stats().phase, pool.stats().children, pool.stats().open], ['ended', [], 0])
})

test('A pool closed while its children start runs its jobs first', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  const sum = pool.exports.add(1, 2)
  await pool.close()
  assert.equal(await sum, 3)
})

test('A pool closed while its children start and have nothing to do ends at once', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  await pool.close()
  assert.equal(pool.stats().phase, 'ended')
})

test('A child that dies while the pool closes is replaced as long as there is work', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const lost = caromFailureOf(pool.exports.exit(0), 'CAROM_CHILD_LOST')
  const sum = pool.exports.add(1, 2)
  await pool.close()
  await lost
  assert.equal(await sum, 3)
})

test('Closing twice, and after the end, resolves each time', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  await Promise.all([pool.close(), pool.close()])
  await pool.close()
  await pool.terminate()
})

test('A pool that is closing or closed takes no job', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const running = pool.exports.pause(50)
  const closed = pool.close()
  await caromFailureOf(pool.exports.add(1, 2), 'CAROM_POOL_CLOSED')
  assert.throws(() => pool.applyAsync('add', [1, 2]), { code: 'CAROM_POOL_CLOSED' })
  await Promise.all([running, closed])
  await caromFailureOf(pool.apply('add', [1, 2]), 'CAROM_POOL_CLOSED')
})

test('terminate() settles every job and kills every child, also one in an endless loop', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  const pids = await readyPids(pool, 2)
  const calls = [pool.applyAsync('spin', []), pool.applyAsync('never', []), pool.applyAsync('add', [1, 2])]
  await until(() => calls[1]?.state === 'accepted', { what: 'both children are busy' })
  const settled = Promise.all(calls.map(({ result }) => caromFailureOf(result, 'CAROM_JOB_TERMINATED')))
  await pool.terminate()
  await settled
  assert.deepEqual(pids.filter(isAlive), [])
})

test('terminate() while a close waits ends both', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const job = pool.applyAsync('spin', [])
  const closed = pool.close()
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  await pool.terminate()
  await closed
  await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
})

test('terminate() while children start ends the pool', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 3 })
  const job = caromFailureOf(pool.exports.add(1, 2), 'CAROM_JOB_TERMINATED')
  await pool.terminate()
  await job
})

test('A child that does not stop when it is told to is killed after stopTimeoutMs', async (t) => {
  const downs: unknown[] = []
  const pool = openPool<typeof Stubborn>(t, 'stubborn', { stopTimeoutMs: 200 })
  pool.on('childDown', ({ killedBy, phase, signal }) => downs.push([killedBy, phase, signal]))
  await pool.exports.holdExit()
  await pool.close()
  assert.deepEqual(downs, [['pool', 'stopping', 'SIGKILL']])
})

test('A child that takes its time to exit is left alone until stopTimeoutMs', async (t) => {
  const downs: unknown[] = []
  const pool = openPool<typeof Stubborn>(t, 'stubborn')
  pool.on('childDown', ({ killedBy, phase, exitCode }) => downs.push([killedBy, phase, exitCode]))
  await pool.exports.slowExit(1_500)
  await pool.close()
  assert.deepEqual(downs, [['itself', 'stopping', 0]])
})

test('Cancelling a queued job drops it; cancelling a running one aborts its signal', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const running = pool.applyAsync('untilAborted', [])
  const queued = pool.applyAsync('add', [1, 2])
  queued.cancel()
  await caromFailureOf(queued.result, 'CAROM_JOB_CANCELLED')
  await until(() => running.state === 'accepted', { what: 'the job runs' })
  running.cancel()
  assert.equal(await running.result, 'CAROM_JOB_CANCELLED')
  running.cancel()
  queued.cancel()
  assert.equal(await pool.exports.abortedAlready(), false, 'the next job is not aborted')
})

test('Terminating a running job kills its child and only the jobs in it', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  const pids = await readyPids(pool, 2)
  const spinning = pool.applyAsync('spin', [])
  const other = pool.applyAsync('untilAborted', [])
  await until(() => other.state === 'accepted' && spinning.state === 'accepted', { what: 'both run' })
  spinning.terminate()
  await caromFailureOf(spinning.result, 'CAROM_JOB_TERMINATED')
  assert.equal(pids.filter(isAlive).length, 1)
  other.cancel()
  assert.equal(await other.result, 'CAROM_JOB_CANCELLED')
  spinning.terminate()
})

test('A neighbour of a terminated job is lost, and its certificate says that it was not to blame', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { concurrencyPerChild: 2 })
  const neighbour = pool.applyAsync('never', [])
  const target = pool.applyAsync('never', [])
  await until(() => target.state === 'accepted', { what: 'both run' })
  target.terminate()
  await caromFailureOf(target.result, 'CAROM_JOB_TERMINATED')
  const error = await caromFailureOf(neighbour.result, 'CAROM_CHILD_LOST')
  assert.equal((error.certificate as { killedBy: string }).killedBy, 'neighbour')
})

test('Terminating a queued job drops it', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { module: fixture('jobs') })
  const job = pool.applyAsync('add', [1, 2])
  job.terminate()
  await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
})
