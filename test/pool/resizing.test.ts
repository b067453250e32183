import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { ledgerFile } from './ledger-file.ts'
import { isAlive } from './proc.ts'
import { caromFailureOf, failureOf, openPool, readyPids } from './real-pool.ts'

test('grow(), shrink() and resize() resolve when as many children are ready as are wanted', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  await readyPids(pool, 1)
  await pool.grow(2)
  assert.deepEqual([readyCount(pool), pool.stats()['max-concurrency']], [3, 3])
  await pool.shrink()
  assert.deepEqual([readyCount(pool), pool.stats()['max-concurrency']], [2, 2])
  await pool.resize(4)
  assert.deepEqual([readyCount(pool), pool.stats()['max-concurrency']], [4, 4])
  await pool.resize(1)
  assert.deepEqual([readyCount(pool), pool.stats().children.length], [1, 1])
  assert.equal(await pool.exports.add(1, 2), 3)
})

test('grow() and shrink() resolve also while children are replaced all the time', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2, maxTasksPerChild: 1 })
  let isOver = false
  const work = async () => {
    while (!isOver) await pool.exports.add(1, 2)
  }
  const working = Array.from({ length: 4 }, work)
  await pool.grow()
  await pool.shrink()
  isOver = true
  await Promise.all(working)
})

test('Children that come with grow() take jobs that wait', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const held = pool.applyAsync('untilAborted', [])
  const waiting = [pool.exports.pid(), pool.exports.pid()]
  await pool.grow()
  const [pid, same] = await Promise.all(waiting)
  assert.equal(pid, same)
  assert.equal(held.state, 'accepted')
  held.cancel()
  await held.result
})

test('shrink() lets busy children end their jobs, and takes idle ones first', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 3 })
  const pids = await readyPids(pool, 3)
  const held = [pool.applyAsync('untilAborted', []), pool.applyAsync('untilAborted', [])]
  await until(() => held.every(({ state }) => state === 'accepted'), { what: 'two are busy' })
  await pool.shrink()
  assert.equal(pids.filter(isAlive).length, 2)
  assert.deepEqual(
    held.map(({ state }) => state),
    ['accepted', 'accepted'],
  )
  let isShrunk = false
  const shrunk = pool.shrink().then(() => {
    isShrunk = true
  })
  const next = pool.applyAsync('add', [1, 2])
  await until(() => pool.stats().children.some(({ state }) => state === 'leaving'), { what: 'one is to leave' })
  assert.deepEqual([isShrunk, next.state], [false, 'queued'], 'one that leaves is given nothing more')
  for (const job of held) job.cancel()
  assert.deepEqual(await Promise.all(held.map(({ result }) => result)), ['CAROM_JOB_CANCELLED', 'CAROM_JOB_CANCELLED'])
  await shrunk
  assert.equal(pids.filter(isAlive).length, 1)
  assert.equal(await next.result, 3)
})

test('A pool can shrink and grow again while its children start', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 3 })
  const shrunk = pool.resize(1)
  const grown = pool.resize(2)
  await Promise.all([shrunk, grown])
  assert.deepEqual([readyCount(pool), pool.stats().children.length], [2, 2])
})

test('Who waits for a child that fails to start waits no longer when the pool is to have no more than it has', async (t) => {
  const file = ledgerFile(t)
  writeFileSync(file, '')
  const pool = openPool(t, 'starts', { initializer: 'refuseUnless', initArgs: [file] })
  await readyPids(pool, 1)
  rmSync(file)
  let resolved = 0
  const grown = pool.grow().then(() => resolved++)
  await new Promise((resolve) => pool.once('childDown', resolve))
  const shrunk = pool.resize(1).then(() => resolved++)
  await until(() => resolved === 2, { what: 'both have resolved' })
  await Promise.all([grown, shrunk])
  assert.equal(readyCount(pool), 1)
})

test('What makes no sense is refused, and so is every change of a pool that ends', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  for (const wrong of [
    pool.shrink(1),
    pool.resize(0),
    pool.grow(1.5),
    pool.grow(-1),
    pool.shrink(-1),
    pool.grow(5_000),
  ]) {
    assert.ok((await failureOf(wrong)) instanceof RangeError)
  }
  const growing = caromFailureOf(pool.grow(), 'CAROM_POOL_CLOSED')
  await pool.close()
  await growing
  for (const late of [pool.grow(), pool.shrink(), pool.resize(2), pool.restart()]) {
    await caromFailureOf(late, 'CAROM_POOL_CLOSED')
  }
})

function readyCount(pool: { stats(): { children: readonly { state: string }[] } }): number {
  return pool.stats().children.filter(({ state }) => state === 'ready').length
}
