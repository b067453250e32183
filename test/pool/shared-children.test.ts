/** Time limits where a child runs many jobs at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimeLimitExceeded } from '../../src/pool/index.ts'
import type * as Jobs from './fixtures/jobs.ts'
import type * as Limits from './fixtures/limits.ts'
import { deathOf, failureOf, openPool, readyPids } from './real-pool.ts'

test('One of 50 jobs in a child spins: it alone is over its limit, and its 49 neighbours are lost and say why', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { concurrencyPerChild: 50 })
  const [pid] = await readyPids(pool, 1)
  const neighbours = Array.from({ length: 49 }, () => deathOf(pool.exports.never()))
  const spinner = await failureOf(pool.exports.spin.with({ timeLimitMs: 300 })())
  assert.ok(spinner instanceof TimeLimitExceeded)
  assert.equal((spinner.certificate as { killedBy: string }).killedBy, 'time-limit')
  const deaths = await Promise.all(neighbours)
  assert.deepEqual(new Set(deaths.map((death) => `${death.pid} ${death.killedBy}`)), new Set([`${pid} neighbour`]))
})

test('With redeliverNeighbours the 49 run again in a fresh child, and only the spinner fails', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { concurrencyPerChild: 50, redeliverNeighbours: true })
  const [pid] = await readyPids(pool, 1)
  const neighbours = Array.from({ length: 49 }, () => pool.exports.pause(300))
  const spinner = await failureOf(pool.exports.spin.with({ timeLimitMs: 500 })())
  assert.ok(spinner instanceof TimeLimitExceeded)
  const ranIn = new Set(await Promise.all(neighbours))
  assert.deepEqual([...ranIn], await readyPids(pool, 1))
  assert.ok(!ranIn.has(pid as number))
})

test('A neighbour that was asked to stop is not run again', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { concurrencyPerChild: 2, redeliverNeighbours: true })
  const neighbour = pool.applyAsync('never', [])
  const slow = failureOf(pool.exports.never.with({ timeLimitMs: 400 })())
  const accepted = new Promise((resolve) => pool.on('accepted', resolve))
  await accepted
  neighbour.cancel()
  assert.ok((await slow) instanceof TimeLimitExceeded)
  assert.equal((await deathOf(neighbour.result)).killedBy, 'neighbour')
})

test('The soft limit of a job in a shared child reaches that job alone', async (t) => {
  const pool = openPool<typeof Limits>(t, 'limits', { concurrencyPerChild: 3 })
  const others = [pool.exports.pauseAndLook(500), pool.exports.pauseAndLook(500)]
  const heard = await pool.exports.hear.with({ softTimeLimitMs: 150 })()
  assert.equal(heard.code, 'CAROM_SOFT_TIME_LIMIT')
  assert.deepEqual(await Promise.all(others), [false, false])
})
