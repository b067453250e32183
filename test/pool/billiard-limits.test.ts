/** Behaviours of Billiard's pool and of tasks under limits, by their rows in `billiard.test.ts`. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool, SoftTimeLimitExceeded, TimeLimitExceeded } from '../../src/pool/index.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { caromFailureOf, deathOf, failureOf, fixture, openPool } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

type Functions = typeof Billiard

const pool = new Pool<Functions>({ module: fixture('billiard'), startMethod: START_METHOD, processes: 1 })
after(() => pool.terminate())

test('Row 2: limits strike those that are late, whatever comes and goes meanwhile', async (t) => {
  const crowd = openPool<Functions>(t, 'billiard', { concurrencyPerChild: 20 })
  const late = Array.from({ length: 10 }, () => crowd.exports.untilAborted.with({ softTimeLimitMs: 60 })())
  const inTime = Array.from({ length: 10 }, () => crowd.exports.pause.with({ softTimeLimitMs: 60_000 })(1))
  const later = await Promise.all(inTime.map((each) => each.then(() => crowd.exports.add(1, 2))))
  assert.deepEqual(new Set(later), new Set([3]))
  assert.deepEqual(new Set(await Promise.all(late)), new Set(['CAROM_SOFT_TIME_LIMIT']))
})

test('Row 116: a hard limit is told once, and settles its job once', async () => {
  const told: string[] = []
  const timeout = (_: unknown, limit: string): number => told.push(`timeout ${limit}`)
  const settled = (_: unknown, outcome: string): number => told.push(outcome)
  pool.on('timeout', timeout).on('settled', settled)
  const error = await failureOf(pool.exports.spin.with({ timeLimitMs: 80 })())
  assert.ok(error instanceof TimeLimitExceeded)
  assert.equal(await pool.exports.add(1, 2), 3)
  pool.off('timeout', timeout).off('settled', settled)
  assert.deepEqual(told, ['timeout hard', 'timedOut', 'succeeded'])
})

test("Row 121: a call's own limit goes before the pool's, a longer and a shorter one", async (t) => {
  const limits = async (poolMs: number) => {
    const limited = openPool<Functions>(t, 'billiard', { timeLimitMs: poolMs })
    await limited.whenStarted()
    return limited.exports
  }
  assert.equal(typeof (await (await limits(400)).pause.with({ timeLimitMs: 60_000 })(500)), 'number')
  await caromFailureOf((await limits(60_000)).never.with({ timeLimitMs: 50 })(), 'CAROM_TIME_LIMIT')
})

test('Row 128: what ended a child is said in words', async () => {
  const said = async (call: () => Promise<unknown>) => (await failureOf(call())).message
  assert.match(
    await said(() => pool.exports.kill('SIGKILL')),
    /was killed by SIGKILL \(a signal from outside the pool\)/,
  )
  assert.match(await said(() => pool.exports.exit(1)), /ended with exit code 1 \(it exited by itself\)/)
  const limited = pool.exports.spin.with({ timeLimitMs: 50 })
  assert.match(
    await said(() => limited()),
    /Job \d+ \(spin\) ran for \d+ ms, over its time limit, and its child was killed/,
  )
})

test('Row 133: a job that is faster than its limits is not touched by them', async () => {
  const told: unknown[] = []
  const listener = (...args: unknown[]): number => told.push(args)
  pool.on('timeout', listener)
  const aborted = await pool.exports.abortedWithin.with({ softTimeLimitMs: 20_000, timeLimitMs: 30_000 })(30)
  pool.off('timeout', listener)
  assert.deepEqual([aborted, told], [false, []])
})

test('Row 137: a soft limit surfaces as its own error, and one that is not below the hard limit is refused', async () => {
  const error = await failureOf(pool.exports.untilTold.with({ softTimeLimitMs: 30 })())
  assert.ok(error instanceof SoftTimeLimitExceeded)
  assert.match(error.message, /longer than its soft time limit of 30 ms/)
  const wrong = { softTimeLimitMs: 50, timeLimitMs: 50 }
  assert.throws(
    () => pool.applyAsync('add', [1, 2], wrong),
    /softTimeLimitMs \(50\) has to be below timeLimitMs \(50\)/,
  )
})

test('Row 127: after a limit, as after any other death, there is a new child at once', async () => {
  const before = await pool.exports.pid()
  await caromFailureOf(pool.exports.never.with({ timeLimitMs: 30 })(), 'CAROM_TIME_LIMIT')
  const between = await pool.exports.pid()
  await deathOf(pool.exports.exit(1))
  assert.equal(new Set([before, between, await pool.exports.pid()]).size, 3)
})
