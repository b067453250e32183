import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Grandchildren from './fixtures/grandchildren.ts'
import { isAlive } from './proc.ts'
import { caromFailureOf, deathOf, openPool } from './real-pool.ts'

test('A process that a job leaves behind lives with its child, and holds up neither later jobs nor the end', async (t) => {
  const pool = openPool<typeof Grandchildren>(t, 'grandchildren')
  const pid = await pool.exports.pid()
  const grandchild = await pool.exports.startInGroup()
  assert.equal(await pool.exports.pid(), pid)
  assert.ok(isAlive(grandchild), 'the job has ended, its process not')
  await pool.close()
  await until(() => !isAlive(grandchild), { what: 'the grandchild is gone with its child' })
})

test('A process of a job that is over its time limit is killed with the child', async (t) => {
  const pool = openPool<typeof Grandchildren>(t, 'grandchildren')
  const grandchild = await pool.exports.startInGroup()
  await caromFailureOf(pool.exports.spin.with({ timeLimitMs: 200 })(), 'CAROM_TIME_LIMIT')
  await until(() => !isAlive(grandchild), { what: 'the grandchild is gone' })
})

test('A process in a session of its own that holds the pipes of a dead child does not hold up the verdict', async (t) => {
  const pool = openPool<typeof Grandchildren>(t, 'grandchildren')
  const grandchild = await pool.exports.startDetached()
  t.after(() => killQuietly(grandchild))
  const death = await deathOf(pool.exports.exit())
  assert.deepEqual([death.killedBy, death.exitCode], ['itself', 0])
  assert.equal(typeof (await pool.exports.pid()), 'number')
  // What no signal to the group can reach is left alone: only a cgroup could find it.
  assert.ok(isAlive(grandchild))
})

test('close() ends though a process in a session of its own holds the pipes', async (t) => {
  const pool = openPool<typeof Grandchildren>(t, 'grandchildren', { stopTimeoutMs: 600_000 })
  const grandchild = await pool.exports.startDetached()
  t.after(() => killQuietly(grandchild))
  await pool.close()
  assert.equal(pool.state, 'ended')
  assert.ok(isAlive(grandchild))
})

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone, as it should be.
  }
}
