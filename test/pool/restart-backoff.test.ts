import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Mortal from './fixtures/mortal.ts'
import { openPool, readyPids } from './real-pool.ts'

test('A child that was ready once and then dies on every start is tried ever more slowly, and heals', async (t) => {
  const { flag, initArgs, spawns } = files(t)
  const pool = openPool<typeof Mortal>(t, 'mortal', { initializer: 'dieOnStartIf', initArgs })
  const [pid] = (await readyPids(pool, 1)) as [number]
  writeFileSync(flag, '')
  const startedAtMs = performance.now()
  process.kill(pid, 'SIGKILL')
  const waiting = pool.applyAsync('pid', [])
  await until(() => pool.stats().startFailures >= 6, { withinMs: 20_000, what: 'six starts have failed' })
  // The shortest back-offs there can be: 50, 100, 200, 400, 800 ms.
  assert.ok(performance.now() - startedAtMs > 1_500, 'starts followed each other without a pause')
  assert.ok(spawns() <= pool.stats().startFailures + 2, `${spawns()} spawns, ${pool.stats().startFailures} failures`)
  assert.deepEqual([pool.didStartOk(), waiting.state], [false, 'queued'])
  rmSync(flag)
  assert.equal(typeof (await waiting.result), 'number')
  assert.deepEqual([pool.didStartOk(), pool.stats().startFailures], [true, 0])
})

test('Ten children that fail together once are not made to wait as if one had failed ten times', async (t) => {
  const { flag, initArgs } = files(t)
  const pool = openPool<typeof Mortal>(t, 'mortal', { processes: 10, initializer: 'dieOnStartIf', initArgs })
  await until(() => readyCount(pool) === 10, { withinMs: 20_000, what: 'all children are ready' })
  const pids = pool.stats().processes
  writeFileSync(flag, '')
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await until(() => pool.stats().startFailures >= 10, { withinMs: 20_000, what: 'each has failed once' })
  rmSync(flag)
  // The back-off for ten failures of one child is 25 s at least.
  await until(() => readyCount(pool) === 10, { withinMs: 15_000, what: 'all children are ready again' })
})

function readyCount<M>(pool: Pool<M>): number {
  return pool.stats().children.filter(({ state }) => state === 'ready').length
}

function files(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'carom-restarts-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const ledger = join(folder, 'ledger')
  const flag = join(folder, 'flag')
  const spawns = () => readFileSync(ledger, 'utf8').trim().split('\n').length
  return { flag, initArgs: [ledger, flag], spawns }
}
