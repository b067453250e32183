/** Behaviours of Billiard's pool, by their rows in `billiard.test.ts`: how its children start. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { type ChildTransition, Pool } from '../../src/pool/index.ts'
import { RestartBudget } from '../../src/pool/parent/restart-budget.ts'
import { usableCpus } from '../../src/support/cpus.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { caromFailureOf, fixture, openPool, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

type Functions = typeof Billiard

test('Row 8: as many deaths as the budget has are made up for at once; for the next ones the pool takes its time', () => {
  const budget = new RestartBudget(100, 1)
  for (let death = 0; death < 100; death++) assert.equal(budget.take(0), true)
  assert.deepEqual([budget.take(0), budget.take(0), budget.overdrawn], [false, false, 2])
})

test('Row 9: time gives deaths back to the budget, and a job that ends gives back all of them', () => {
  const budget = new RestartBudget(3, 1)
  const takeThree = (nowMs: number) => [1, 2, 3].map(() => budget.take(nowMs))
  takeThree(0)
  assert.deepEqual([budget.take(900), budget.take(1_900), budget.overdrawn], [false, true, 0])
  assert.deepEqual([...takeThree(60_000), budget.take(60_000)], [true, true, true, false])
  budget.refill()
  assert.deepEqual([budget.overdrawn, ...takeThree(60_000)], [0, true, true, true])
})

test('Row 21 (celery#496, celery#9894): children are started fresh on every system, and what is not known is refused', async (t) => {
  const pool = openPool<Functions>(t, 'billiard', { startMethod: 'spawn' })
  assert.equal(pool.stats().children[0]?.startMethod, 'spawn')
  const unknown = { module: fixture('billiard'), startMethod: 'forkserver' as 'spawn' }
  assert.throws(() => new Pool(unknown), /Cannot set startMethod to "forkserver"/)
})

test('Row 29: a pool has as many children as this process may use CPUs, unless it is told', async () => {
  const pool = new Pool<Functions>({ module: fixture('billiard'), startMethod: START_METHOD })
  assert.equal(pool.stats()['max-concurrency'], usableCpus())
  await pool.terminate()
})

test('Row 57: a pool of three has three children', async (t) => {
  const pool = openPool<Functions>(t, 'billiard', { processes: 3 })
  const pids = await readyPids(pool, 3)
  assert.deepEqual([...pool.stats().processes].sort(), [...pids].sort())
  assert.equal(new Set(pids).size, 3)
})

test('Rows 60 and 106: an initializer that is no function, or fails, is reported; no job is lost in silence', async (t) => {
  for (const [initializer, why] of [
    ['version', /exports no function "version"/],
    ['refuse', /no licence/],
  ] as const) {
    const pool = openPool<Functions>(t, 'billiard', { initializer })
    const waiting = caromFailureOf(pool.exports.add(1, 2), 'CAROM_CHILD_START')
    assert.match((await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')).message, why)
    assert.match((await waiting).message, why)
    assert.equal(pool.didStartOk(), false)
  }
})

test('Row 72: the initializer runs once, in a child that ignores the signals of terminals and has its title', async (t) => {
  const pool = openPool<Functions>(t, 'billiard', { initializer: 'prepare', execArgv: ['--title=carom-child'] })
  await pool.exports.add(1, 2)
  assert.deepEqual(await pool.exports.preparations(), { count: 1, title: 'carom-child' })
})

test('Rows 76 and 82: every child is announced when it starts, and again with its pid when it is ready', async (t) => {
  const told: (string | number | null)[] = []
  const listen = (transition: unknown): void => {
    const { to, pid } = transition as ChildTransition
    told.push(to, pid)
  }
  subscribe('carom:pool:child', listen)
  t.after(() => unsubscribe('carom:pool:child', listen))
  const pool = openPool<Functions>(t, 'billiard', { startMethod: 'spawn' })
  const ups: (number | null)[] = []
  pool.on('childUp', (pid) => ups.push(pid))
  const pid = await pool.exports.pid()
  assert.deepEqual([ups, told], [[pid], ['starting', pid, 'ready', pid]])
})

test('Row 96, complaint 21 (querybook#1337): a start that takes too long is given up with the reason, not tried for ever', async (t) => {
  const pool = openPool<Functions>(t, 'billiard', { startMethod: 'spawn', initializer: 'hang', startTimeoutMs: 100 })
  const error = await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')
  assert.match(error.message, /killed by SIGKILL \(the pool ended it\)/)
})
