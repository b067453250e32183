import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import type * as Faults from './fixtures/preload-faults.ts'
import { openForking, poolOfCopy, serverOf, skip, warningsOf } from './fork-support.ts'
import { childrenOf, isAlive, processFacts } from './proc.ts'
import { caromFailureOf, deathOf, fixture, readyPids } from './real-pool.ts'

test('A fork server that is killed takes its children with it: their jobs are lost, others go on', {
  skip,
}, async (t) => {
  const pool = openForking<typeof Jobs>(t, 'jobs', { processes: 2 })
  const server = await serverOf(pool, 2)
  const pids = pool.stats().processes
  const grandchild = await pool.exports.startGrandchild()
  const taken = [pool.applyAsync('spin', []), pool.applyAsync('never', [])]
  await until(() => taken.every(({ state }) => state === 'accepted'), { what: 'both work' })
  const waiting = Array.from({ length: 10 }, (_, i) => pool.exports.add(i, 1))
  process.kill(server, 'SIGKILL')
  for (const job of taken) {
    const death = await deathOf(job.result)
    assert.deepEqual([death.signal, death.killedBy, death.exitCode], ['SIGKILL', 'signal', null])
    assert.ok(pids.includes(death.pid as number))
  }
  assert.deepEqual(await Promise.all(waiting), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  await until(() => ![server, grandchild, ...pids].some(isAlive), { what: 'nothing of the old server is left' })
  const next = await serverOf(pool, 2)
  assert.ok(next !== server && processFacts(next)?.parent === process.pid)
})

test('An idle pool whose fork server is killed has new children', { skip }, async (t) => {
  const pool = openForking<typeof Jobs>(t, 'jobs', { processes: 2 })
  for (let round = 0; round < 3; round++) {
    const server = await serverOf(pool, 2)
    const before = pool.stats().processes
    process.kill(server, 'SIGKILL')
    await until(() => !pool.stats().processes.some((pid) => before.includes(pid)), { what: 'others are there' })
    assert.equal(await pool.exports.add(1, 2), 3)
  }
})

test('A fork server that was stopped is given up in time, and another forks', { skip }, async (t) => {
  const pool = openForking<typeof Jobs>(t, 'jobs', { processes: 1 })
  const server = await serverOf(pool)
  process.kill(server, 'SIGSTOP')
  const [pid] = pool.stats().processes
  process.kill(pid as number, 'SIGKILL')
  const next = await until(() => livingServers().find(({ pid }) => pid !== server), {
    what: 'another server is there',
    withinMs: 20_000,
  })
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.equal(await serverOf(pool), next.pid)
  assert.ok(!isAlive(server))
})

for (const [fault, why] of [
  ['throw', /Error: no licence \(when \/.*\/preload-faults\.js was preloaded\)$/],
  ['exit', /fork server ended with exit code 3/],
  ['kill', /fork server ended with SIGKILL/],
  ['hang', /fork server was still loading|was not ready within 500 ms/],
  ['spin', /fork server was still loading|was not ready within 500 ms/],
  ['worker', /preload-faults\.js has started 1 threads \(.*\), which a forked child would lack.*initializer/],
  ['garble', /fork server broke the protocol: Expected a frame/],
  ['itself', /creates a pool of itself.*\(when \/.*\/preload-faults\.js was preloaded\)$/],
] as const) {
  test(`A preloaded module that does "${fault}" fails every start, and the pool says why`, { skip }, async (t) => {
    const pool = openFaulty(t, fault)
    const error = await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')
    assert.match(error.message, why)
    if (fault === 'worker') assert.equal((error.cause as { code?: unknown }).code, 'CAROM_FORK_UNAVAILABLE')
    await caromFailureOf(pool.exports.pid(), 'CAROM_CHILD_START')
    await pool.join().catch(() => pool.close())
    await until(() => livingServers().length === 0, { what: 'no server is left' })
  })
}

test('What a preloaded module leaves running is told in one warning', { skip }, async (t) => {
  const warnings = warningsOf(t)
  const pool = openFaulty(t, 'busy')
  const first = await pool.exports.pid()
  process.kill(await serverOf(pool), 'SIGKILL')
  await until(() => !pool.stats().processes.includes(first), { what: 'its child is gone' })
  assert.notEqual(await pool.exports.pid(), first)
  assert.equal(warnings.length, 1)
  assert.match(
    warnings[0] as string,
    /left something running \(\/.*\/preload-faults\.js: TCPServerWrap, Timeout\).*initializer/,
  )
})

test('Without the addon fork is refused, by name and with a way out, and spawn works', async (t) => {
  const Pool = await poolOfCopy(t, (source) => rmSync(join(source, 'prebuilds'), { recursive: true, force: true }))
  const module = fixture('jobs')
  assert.throws(() => new Pool({ module, startMethod: 'fork' }), {
    code: 'CAROM_FORK_UNAVAILABLE',
    message: /cannot be forked: .*spawn/,
  })
  const pool = new Pool<typeof Jobs>({ module, processes: 1 })
  t.after(() => pool.terminate())
  assert.equal(await pool.exports.add(1, 2), 3)
  await readyPids(pool, 1)
})

/** Of all pools: what else they have started are sentries, which are shells. What Node is called depends on its version. */
function livingServers() {
  return childrenOf(process.pid).filter(({ name, pid }) => name !== 'sh' && isAlive(pid))
}

function openFaulty(t: TestContext, fault: string) {
  return openForking<typeof Faults>(t, 'preload-faults', {
    // The one that is at fault is named, and only that.
    preload: ['fork-preload', 'preload-faults', 'jobs'],
    startTimeoutMs: ['hang', 'spin'].includes(fault) ? 500 : 30_000,
    env: { ...process.env, FAULT: fault },
  })
}
