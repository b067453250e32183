/** Jobs that wait in the line of a child whose running job has turned long, and never waits. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { PoolOptions } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Waiting from './fixtures/waiting.ts'
import { ledgerFile } from './ledger-file.ts'
import { caromFailureOf, openPool } from './real-pool.ts'

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
  return { spinner, waiting, last, end: () => writeFileSync(file, '') }
}

test('What was cancelled behind a spinner does not begin when that ends, and the one behind it does', async (t) => {
  const { spinner, waiting, last, end } = await startSpinner(t)
  waiting.cancel()
  const sinceMs = performance.now()
  await until(() => performance.now() - sinceMs > 50, { what: 'the spinner is taken for no short one' })
  end()
  const error = await caromFailureOf(waiting.result, 'CAROM_JOB_CANCELLED')
  assert.match(error.message, /before it started/)
  assert.equal(await last.result, await spinner.result)
})

test('A job that is terminated behind a spinner ends in time, and the spinner with it', async (t) => {
  const { spinner, waiting, last } = await startSpinner(t, { stopTimeoutMs: 200 })
  waiting.terminate()
  await caromFailureOf(waiting.result, 'CAROM_JOB_TERMINATED')
  const { certificate } = await caromFailureOf(spinner.result, 'CAROM_CHILD_LOST')
  assert.equal((certificate as { killedBy: string }).killedBy, 'neighbour')
  await last.result
})
