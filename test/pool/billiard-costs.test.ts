/** Rows and complaints of `billiard.test.ts` about memory, CPU and descriptors that a pool should give back. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { openFileCount } from './proc.ts'
import { deathOf, failureOf, fixture, openPool } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

type Functions = typeof Billiard

// Shared by those that kill no more than its child; each leaves it idle.
const pool = new Pool<Functions>({ module: fixture('billiard'), startMethod: START_METHOD, processes: 1 })
after(() => pool.terminate())

test('Row 138: an error that is hard to send is readable, and two thousand of them leave no memory behind', async () => {
  assert.match((await failureOf(pool.exports.throwHostile())).message, /without a message/)
  const memory = () => pool.stats().children.reduce((sum, child) => sum + (child.privateMemoryBytes ?? 0), 0)
  const fail = (times: number) => Promise.allSettled(Array.from({ length: times }, () => pool.exports.throwError()))
  await fail(500)
  const before = memory()
  await fail(2_000)
  assert.ok(memory() - before < 30 * 1024 * 1024, `grew by ${memory() - before} bytes`)
})

test('Complaint 13 (celery#3706, celery#4125): what a child weighs from the start is not held against it', {
  skip: process.platform === 'linux' ? false : 'needs the facts of /proc',
}, async (t) => {
  const bound = 8 * 1024 * 1024
  const weighed = openPool<Functions>(t, 'billiard', { maxMemoryPerChildBytes: bound })
  const pids = new Set<number>()
  for (let round = 0; round < 3; round++) {
    pids.add(await weighed.exports.pause(300))
    assert.equal(weighed.stats().children.length, 1, 'no successor is on its way')
  }
  assert.ok((weighed.stats().children[0]?.privateMemoryBytes as number) > bound)
  assert.equal(pids.size, 1)
})

test('Complaint 14 (celery#1845): a parent whose child was killed rests while it waits', async () => {
  await deathOf(pool.exports.exit(0))
  await pool.exports.pid()
  const before = performance.eventLoopUtilization()
  await pool.exports.pause(600)
  const { utilization } = performance.eventLoopUtilization(before)
  assert.ok(utilization < 0.5, `busy for ${utilization} of the time`)
})

test('Complaint 17 (billiard#282, billiard#293): three pools that were closed leave no descriptor open', async () => {
  const before = openFileCount()
  for (let round = 0; round < 3; round++) {
    const short = new Pool<Functions>({ module: fixture('billiard'), startMethod: START_METHOD, processes: 2 })
    assert.equal(await short.exports.add(1, round), round + 1)
    await short.close()
  }
  await until(() => openFileCount() <= before, { what: `no more than ${before} descriptors are open` })
})

test('Complaint 16 (celery#4843, celery#2927): three thousand failures leave nothing in the parent', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapAfter = async (times: number): Promise<number> => {
    for (let left = times; left > 0; left -= 250) {
      await Promise.allSettled(Array.from({ length: 250 }, () => pool.exports.squareUnless(7)))
    }
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = await heapAfter(500)
  const growth = (await heapAfter(3_000)) - before
  assert.ok(growth < 2 * 1024 * 1024, `grew by ${growth} bytes`)
})
