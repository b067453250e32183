/** Jobs that wait in the line of a child whose running job has turned long, and never waits. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { PoolOptions } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Waiting from './fixtures/waiting.ts'
import { ledgerFile } from './ledger-file.ts'
import { caromFailureOf, NO_TICKETS, openPool, WITHOUT_TICKETS } from './real-pool.ts'

async function startSpinner(t: TestContext, options: Partial<PoolOptions> = {}) {
  const pool = openPool<typeof Waiting>(t, 'waiting', options)
  // The function proves short, so that jobs are sent ahead.
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: 100 }, () => pool.exports.spinIf(null)))
  }
  const file = ledgerFile(t)
  const spinner = pool.applyAsync('spinIf', [file])
  const waiting = pool.applyAsync('spinIf', [null])
  const last = pool.applyAsync('spinIf', [null])
  await until(() => spinner.state === 'accepted' && last.state === 'dispatched', { what: 'one spins, two wait' })
  return { pool, spinner, waiting, last, end: () => writeFileSync(file, '') }
}

test('With tickets a waiting job is taken back while the spinner spins, and told at once', {
  skip: NO_TICKETS,
}, async (t) => {
  const { pool, spinner, waiting, last, end } = await startSpinner(t)
  waiting.cancel()
  await caromFailureOf(waiting.result, 'CAROM_JOB_CANCELLED')
  last.terminate()
  await caromFailureOf(last.result, 'CAROM_JOB_TERMINATED')
  assert.equal(spinner.state, 'accepted')
  const next = pool.applyAsync('spinIf', [null])
  end()
  assert.equal(await spinner.result, await next.result)
})

test('Without, what was cancelled does not begin when the spinner ends, and the one behind it does', async (t) => {
  const { spinner, waiting, last, end } = await startSpinner(t, WITHOUT_TICKETS)
  waiting.cancel()
  const sinceMs = performance.now()
  await until(() => performance.now() - sinceMs > 50, { what: 'the spinner is taken for no short one' })
  end()
  const error = await caromFailureOf(waiting.result, 'CAROM_JOB_CANCELLED')
  assert.match(error.message, /before it started/)
  assert.equal(await last.result, await spinner.result)
})

test('Without, a job that is terminated ends in time, and the spinner with it', async (t) => {
  const { spinner, waiting, last } = await startSpinner(t, { ...WITHOUT_TICKETS, stopTimeoutMs: 200 })
  waiting.terminate()
  await caromFailureOf(waiting.result, 'CAROM_JOB_TERMINATED')
  const { certificate } = await caromFailureOf(spinner.result, 'CAROM_CHILD_LOST')
  assert.equal((certificate as { killedBy: string }).killedBy, 'neighbour')
  await last.result
})

test('What has ended is told though a neighbour goes on at once, and never waits', async (t) => {
  const pool = openPool<typeof Waiting>(t, 'waiting', { concurrencyPerChild: 60, timeLimitMs: 5_000 })
  const file = ledgerFile(t)
  await pool.exports.pauseAndSpinIf(null)
  const short = Array.from({ length: 50 }, () => pool.exports.pauseAndSpinIf(null))
  const spinner = pool.exports.pauseAndSpinIf(file)
  const pids = await Promise.all(short)
  writeFileSync(file, '')
  assert.equal(await spinner, pids[0])
})

test('A child is given again what was taken back from it, in the order in which it is given', async (t) => {
  const pool = openPool<typeof Waiting>(t, 'waiting', { concurrencyPerChild: 2 })
  const file = ledgerFile(t)
  await until(() => takesShort(() => pool.exports.waitTogetherIf(null)), { what: 'it proves short', withinMs: 20_000 })
  const first = [0, 1].map(() => pool.applyAsync('waitTogetherIf', [`${file}-first`]))
  const elsewhere = [0, 1].map(() => pool.applyAsync('waitTogetherIf', [`${file}-elsewhere`]))
  const back = pool.applyAsync('waitTogetherIf', [null])
  const are = (state: string, jobs: readonly { readonly state: string }[]) => jobs.every((job) => job.state === state)
  await until(() => are('accepted', first) && are('dispatched', [...elsewhere, back]), { what: 'there is a line' })
  await pool.grow()
  await until(() => are('accepted', elsewhere) && are('queued', [back]), { what: 'the line is taken back' })
  // Both places become free at once. This one goes first, and the other comes back to the child.
  const urgent = pool.applyAsync('waitTogetherIf', [null], { priority: 1 })
  writeFileSync(`${file}-first`, '')
  const [pid] = await Promise.all(first.map(({ result }) => result))
  assert.deepEqual(await Promise.all([urgent.result, back.result]), [pid, pid])
  writeFileSync(`${file}-elsewhere`, '')
  for (const { result } of elsewhere) await result
})

/** Calls it as often as the pool measures at once; true if it will believe that five of them make a short line. */
async function takesShort(call: () => Promise<unknown>): Promise<boolean> {
  const tookMs: number[] = []
  while (tookMs.length < 128) {
    const sinceMs = performance.now()
    await call()
    tookMs.push(performance.now() - sinceMs)
  }
  return (tookMs.sort((a, b) => a - b).at(-2) as number) < 4
}
