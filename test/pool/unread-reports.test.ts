import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Ledger from './fixtures/ledger.ts'
import { ledgerFile, linesOf } from './ledger-file.ts'
import { isAlive } from './proc.ts'
import { caromFailureOf, deathOf, NO_TICKETS, openPool, readyPids } from './real-pool.ts'

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

test('What began without a word and runs again is heard in its next child, also where it gets no ticket', async (t) => {
  const pool = openPool<typeof Ledger>(t, 'ledger', { concurrencyPerChild: 1_100, redeliverNeighbours: true })
  const deaths: string[] = []
  pool.on('childDown', ({ killedBy }) => deaths.push(killedBy))
  const record = (job: number, priority = 0) => pool.applyAsync('record', ['/dev/null', job, 0], { priority })
  // Warm code takes so short that the child does not look up before it spins.
  for (let round = 0; round < 20; round++) await record(0).result
  const neighbours = Array.from({ length: 10 }, (_, job) => record(job))
  const spinning = pool.applyAsync('recordAndSpin', ['/dev/null', 10], { timeLimitMs: 200 })
  await until(() => spinning.state === 'accepted', { what: 'it is known' })
  // They go first, and take all tickets.
  const others = Array.from({ length: 1_080 }, () => record(0, 1))
  await caromFailureOf(spinning.result, 'CAROM_TIME_LIMIT')
  const jobs = await Promise.all(neighbours.map(({ result }) => result))
  assert.deepEqual(jobs, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  for (const { result } of others) await result
  assert.deepEqual(deaths, ['time-limit'], 'the next child was believed')
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

test('What has ended counts, though its child is killed in the job behind it before it could tell', {
  skip: NO_TICKETS,
}, async (t) => {
  const pool = openPool<typeof Ledger>(t, 'ledger', { concurrencyPerChild: 60 })
  await readyPids(pool, 1)
  const ended = Array.from({ length: 50 }, (_, job) => pool.exports.count(job))
  const deadly = pool.exports.recordAndDie('/dev/null', 50)
  const waiting = pool.exports.count(51)
  assert.equal((await deathOf(deadly)).signal, 'SIGKILL')
  assert.deepEqual(await Promise.all(ended), [...ended.keys()])
  assert.equal(await waiting, 51)
})

test('What has ended is heard within a moment, though the job behind it never waits', {
  skip: NO_TICKETS,
}, async (t) => {
  const pool = openPool<typeof Ledger>(t, 'ledger', { concurrencyPerChild: 60, timeLimitMs: 10_000 })
  await readyPids(pool, 1)
  const ended = Array.from({ length: 50 }, (_, job) => pool.exports.count(job))
  const spinning = pool.applyAsync('recordAndSpin', ['/dev/null', 50])
  assert.deepEqual(await Promise.all(ended), [...ended.keys()])
  await until(() => spinning.state === 'accepted', { what: 'it is known' })
  spinning.terminate()
  await caromFailureOf(spinning.result, 'CAROM_JOB_TERMINATED')
})
