/** What `auto` makes of preloaded modules that cannot be forked, or not even loaded. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Pool } from '../../src/pool/pool.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { cacheFolder, skip, warningsOf } from './fork-support.ts'
import { caromFailureOf, fixture, openPool } from './real-pool.ts'

test('auto spawns where a preloaded module has started threads, and the pool goes on', { skip }, async (t) => {
  cacheFolder(t)
  const warnings = warningsOf(t)
  const pool = openFaulty(t, 'worker')
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.deepEqual(
    pool.stats().children.map(({ startMethod }) => startMethod),
    ['spawn', 'spawn'],
  )
  assert.equal(warnings.length, 1)
  assert.match(
    warnings[0] as string,
    /spawned, since they cannot be forked here: .*preload-faults\.js has started 1 threads/,
  )
  await assert.rejects(pool.exports.exit(3), { code: 'CAROM_CHILD_LOST' })
  assert.equal(await pool.exports.add(3, 4), 7)
})

// A spawned child does without what is preloaded: the pool would work, and not as it was asked to.
for (const [fault, why] of [
  ['throw', /Error: no licence \(when \/.*\/preload-faults\.js was preloaded\)$/],
  ['exit', /fork server ended with exit code 3$/],
  ['kill', /fork server ended with SIGKILL$/],
  ['hang', /fork server was still loading|was not ready within 1000 ms/],
  ['spin', /fork server was still loading|was not ready within 1000 ms/],
  ['garble', /fork server broke the protocol: Expected a frame/],
] as const) {
  test(`auto spawns nothing where a preloaded module does "${fault}", and says that`, { skip }, async (t) => {
    cacheFolder(t)
    const warnings = warningsOf(t)
    // A short time to start is for the module, not for the trial.
    await openPool(t, 'jobs', { startMethod: 'auto' }).whenStarted()
    const pool = openFaulty(t, fault)
    const { message } = await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')
    assert.match(message, why)
    assert.doesNotMatch(message, /\n/)
    await caromFailureOf(pool.exports.add(1, 2), 'CAROM_CHILD_START')
    assert.deepEqual(warnings, [])
  })
}

function openFaulty(t: TestContext, fault: string): Pool<typeof Jobs> {
  return openPool<typeof Jobs>(t, 'jobs', {
    startMethod: 'auto',
    preload: [fixture('preload-faults')],
    processes: 2,
    startTimeoutMs: ['hang', 'spin'].includes(fault) ? 1_000 : 30_000,
    env: { ...process.env, FAULT: fault },
  })
}
