import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Stubborn from './fixtures/stubborn.ts'
import { isAlive } from './proc.ts'
import { caromFailureOf, deathOf, openPool } from './real-pool.ts'

test('Signal handlers that a job installs do not keep its child from ending with the pool', async (t) => {
  const pool = openPool<typeof Stubborn>(t, 'stubborn', { stopTimeoutMs: 600_000 })
  const ends = endsOf(pool)
  await pool.exports.catchSignals()
  const pid = await pool.exports.pid()
  for (const signal of ['SIGTERM', 'SIGQUIT'] as const) process.kill(pid, signal)
  assert.equal(await pool.exports.pid(), pid)
  await pool.close()
  assert.deepEqual(ends, [['itself', 'stopping', 0]])
})

test('A job that takes the protection from signals away costs its child only when a signal comes', async (t) => {
  const pool = openPool<typeof Stubborn>(t, 'stubborn')
  const ends = endsOf(pool)
  await pool.exports.dropSignalHandlers()
  const pid = await pool.exports.pid()
  process.kill(pid, 'SIGTERM')
  await until(() => ends.length === 1, { what: 'the child is gone' })
  assert.deepEqual(ends, [['signal', 'running', null]])
  assert.notEqual(await pool.exports.pid(), pid)
})

test('A child that cannot exit any more is killed after stopTimeoutMs', async (t) => {
  const pool = openPool<typeof Stubborn>(t, 'stubborn', { stopTimeoutMs: 200 })
  const ends = endsOf(pool)
  await pool.exports.disableExit()
  const pid = await pool.exports.pid()
  await pool.close()
  assert.equal(isAlive(pid), false)
  assert.deepEqual(ends, [['pool', 'stopping', null]])
})

test('A job whose own handler swallows its error is ended by its time limit', async (t) => {
  const pool = openPool<typeof Stubborn>(t, 'stubborn')
  await pool.exports.pid()
  await caromFailureOf(pool.exports.throwIntoOwnHandler.with({ timeLimitMs: 200 })(), 'CAROM_TIME_LIMIT')
})

test('A child that has closed its standard streams goes on', async (t) => {
  const pool = openPool<typeof Stubborn>(t, 'stubborn')
  const pid = await pool.exports.pid()
  await pool.exports.closeStandardStreams()
  assert.equal(await pool.exports.pid(), pid)
})

test('A job that closes every descriptor of its child is lost, and the next one runs', async (t) => {
  const pool = openPool<typeof Stubborn>(t, 'stubborn')
  const death = await deathOf(pool.exports.closeEveryDescriptor())
  assert.equal(death.phase, 'running')
  assert.notEqual(await pool.exports.pid(), death.pid)
})

function endsOf<M>(pool: Pool<M>): unknown[] {
  const ends: unknown[] = []
  pool.on('childDown', ({ killedBy, phase, exitCode }) => ends.push([killedBy, phase, exitCode]))
  return ends
}
