import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Ledger from './fixtures/ledger.ts'
import { ledgerFile, linesOf } from './ledger-file.ts'
import { isAlive } from './proc.ts'
import { caromFailureOf, deathOf, openPool, readyPids } from './real-pool.ts'

/** Stands still with the whole process: nothing that children report is read meanwhile. */
function standStillUntil(condition: () => boolean): void {
  const giveUpAtMs = performance.now() + 5_000
  while (!condition()) assert.ok(performance.now() < giveUpAtMs, 'stood still in vain')
}

test('A job that begins without a word, and is killed with its child, is lost and does not begin again', async (t) => {
  const file = ledgerFile(t)
  const pool = openPool<typeof Ledger>(t, 'ledger')
  const [pid] = (await readyPids(pool, 1)) as [number]

  const begun = pool.applyAsync('recordAndSpin', [file, 1])
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)))
  standStillUntil(() => linesOf(file).length > 0)
  process.kill(pid, 'SIGKILL')
  standStillUntil(() => !isAlive(pid))

  assert.equal((await deathOf(begun.result)).pid, pid)
  assert.equal(await pool.exports.record(file, 2, 0), 2)
  assert.deepEqual(linesOf(file), [1, 2])
})

test('A job that never waits is known to have begun while it spins, and its limit ends it', async (t) => {
  const pool = openPool<typeof Ledger>(t, 'ledger')
  const spinning = pool.applyAsync('recordAndSpin', ['/dev/null', 1], { timeLimitMs: 300 })
  await until(() => spinning.state === 'accepted', { what: 'it is known' })
  await caromFailureOf(spinning.result, 'CAROM_TIME_LIMIT')
})

test('A job whose begin is still unread when a write finds its child dead is lost, and does not begin again', async (t) => {
  const file = ledgerFile(t)
  const pool = openPool<typeof Ledger>(t, 'ledger', { concurrencyPerChild: 2 })
  const [pid] = (await readyPids(pool, 1)) as [number]

  const begun = pool.exports.record(file, 1, 60_000)
  // Past the write of the order, and before anything is read.
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)))
  standStillUntil(() => linesOf(file).length > 0)
  process.kill(pid, 'SIGKILL')
  standStillUntil(() => !isAlive(pid))
  const other = pool.exports.record(file, 2, 0)

  const certificate = await deathOf(begun)
  assert.equal(certificate.pid, pid)
  assert.equal(await other, 2)
  assert.deepEqual(linesOf(file), [1, 2])
})
