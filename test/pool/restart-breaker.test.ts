import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Mortal from './fixtures/mortal.ts'
import { deathOf, openPool } from './real-pool.ts'

test('Children that die as soon as they are ready use up the budget of restarts, then come slowly, and heal', async (t) => {
  const { flag, initArgs, spawns } = files(t)
  // The budget is that of one child: ten deaths, and one more per second. The spares die as well, so it is used up soon.
  const options = { processes: 1, spareChildren: 3, initializer: 'dieWhenReadyIf', initArgs }
  const startedAtMs = performance.now()
  writeFileSync(flag, '')
  const pool = openPool<typeof Mortal>(t, 'mortal', options)
  const breaker = () => pool.stats().breaker
  await until(() => breaker().state === 'open', { withinMs: 20_000, what: 'the breaker is open' })
  await until(() => breaker().delayedRestarts >= 3, { withinMs: 20_000, what: 'restarts wait' })
  const earned = (performance.now() - startedAtMs) / 1_000
  assert.ok(spawns() <= 4 + 10 + earned + 3, `${spawns()} spawns in ${earned} s`)
  rmSync(flag)
  assert.equal(typeof (await pool.exports.pid()), 'number')
  assert.deepEqual(breaker(), { state: 'closed', delayedRestarts: 0 })
})

test('Jobs that kill their child one after the other are all lost though the breaker opens, and a good one closes it', async (t) => {
  const pool = openPool<typeof Mortal>(t, 'mortal', { processes: 1, spareChildren: 3 })
  let mostDelayed = 0
  pool.on('childDown', () => {
    mostDelayed = Math.max(mostDelayed, pool.stats().breaker.delayedRestarts)
  })
  const deaths = await Promise.all(Array.from({ length: 18 }, () => deathOf(pool.exports.die())))
  assert.equal(new Set(deaths.map(({ pid }) => pid)).size, 18)
  assert.ok(mostDelayed > 0, 'the breaker was never open')
  assert.equal(typeof (await pool.exports.pid()), 'number')
  assert.deepEqual(pool.stats().breaker, { state: 'closed', delayedRestarts: 0 })
})

function files(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'carom-restarts-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const ledger = join(folder, 'ledger')
  const flag = join(folder, 'flag')
  const spawns = () => readFileSync(ledger, 'utf8').trim().split('\n').length
  return { flag, initArgs: [ledger, flag], spawns }
}
