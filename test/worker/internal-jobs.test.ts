/** What the worker asks of a child for itself: answered, refused, given up, stopped. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { InternalJobs } from '../../src/worker/internal-jobs.ts'

const folder = mkdtempSync(join(tmpdir(), 'carom-internal-'))
const pool = new Pool({ module: new URL('./fixtures/internal-jobs.js', import.meta.url), processes: 1 })
const jobs = new InternalJobs(pool)
after(async () => {
  await pool.terminate()
  rmSync(folder, { recursive: true })
})

const check = (said: unknown): unknown => {
  if (said === 'nonsense') throw new RangeError('that is nonsense')
  return said
}

test('what a child says is checked', async () => {
  assert.deepEqual(await jobs.ask('finish', { a: 1 }, check), { type: 'said', value: { a: 1 } })
  const nonsense = await jobs.ask('finish', 'nonsense', check)
  assert.ok(nonsense.type === 'failed' && nonsense.failure.message === 'that is nonsense')
})

test('what a child throws is not asked again, nor what cannot be sent', async () => {
  const thrown = await jobs.ask('convert', null, check)
  assert.ok(thrown.type === 'failed' && thrown.failure.message === 'cannot be read')
  assert.equal((await jobs.ask('finish', () => 1, check)).type, 'failed')
})

test('a question that kills its child is put three times, and the next one is answered', async () => {
  const ledger = join(folder, 'deaths')
  const answer = await jobs.ask('fail', { ledger }, check)
  assert.ok(answer.type === 'died' && answer.failure.code === 'CAROM_CHILD_LOST')
  assert.equal(readFileSync(ledger, 'utf8'), 'xxx')
  assert.equal((await jobs.ask('finish', 5, check)).type, 'said')
})

test('a pool that has ended stops the question', async () => {
  const ended = new Pool({ module: new URL('./fixtures/internal-jobs.js', import.meta.url), processes: 1 })
  await ended.terminate()
  assert.deepEqual(await new InternalJobs(ended).ask('finish', 5, check), { type: 'stopped' })
})
