import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Pool, SoftTimeLimitExceeded, TimeLimitExceeded } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Endless from './fixtures/endless.ts'
import { isAlive } from './proc.ts'
import { failureOf, fixture, openPool } from './real-pool.ts'

test('A soft limit that interrupts stops a loop in the middle: none of its code runs any more', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'carom-interrupted-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'steps')
  const pool = openPool<typeof Endless>(t, 'endless', { interruptOnSoftLimit: true, softTimeLimitMs: 200 })
  const error = await failureOf(pool.exports.spinCarefully(file))
  assert.ok(error instanceof SoftTimeLimitExceeded, String(error))
  assert.match(error.message, /longer than its soft time limit of 200 ms/)
  assert.equal(readFileSync(file, 'utf8'), 'began\n')
})

test('The child of a job that was interrupted is replaced, and only that one', async (t) => {
  const pool = openPool<typeof Endless>(t, 'endless', { interruptOnSoftLimit: true, softTimeLimitMs: 10_000 })
  const before = await pool.exports.pid()
  assert.equal(await pool.exports.pid(), before, 'a job that keeps its limit leaves its child alone')
  await failureOf(pool.exports.spin.with({ softTimeLimitMs: 200 })())
  await until(() => !isAlive(before), { what: 'the child has gone' })
  assert.notEqual(await pool.exports.pid(), before)
})

test('Many jobs whose limits pass just when they end: each gives its sum or its own limit', async (t) => {
  const pool = openPool<typeof Endless>(t, 'endless', { processes: 2, interruptOnSoftLimit: true })
  const results = await Promise.allSettled(
    Array.from({ length: 200 }, (_, nth) => pool.exports.add.with({ softTimeLimitMs: 1 + (nth % 3) })(nth, 1)),
  )
  for (const [nth, result] of results.entries()) {
    if (result.status === 'fulfilled') assert.equal(result.value, nth + 1)
    else assert.ok(result.reason instanceof SoftTimeLimitExceeded, String(result.reason))
  }
})

test('What runs after an await is not reached: the hard limit ends it', async (t) => {
  const limits = { interruptOnSoftLimit: true, softTimeLimitMs: 100, timeLimitMs: 1_000 }
  const pool = openPool<typeof Endless>(t, 'endless', limits)
  assert.ok((await failureOf(pool.exports.spinLater())) instanceof TimeLimitExceeded)
})

test('interruptOnSoftLimit is refused where it would stop the wrong job, or nobody', () => {
  const module = fixture('endless')
  assert.throws(() => new Pool({ module, interruptOnSoftLimit: true, concurrencyPerChild: 2 }), RangeError)
  const threads = { module, interruptOnSoftLimit: true, executor: 'threads' } as const
  assert.throws(() => new Pool(threads), { code: 'CAROM_EXECUTOR_UNABLE', option: 'interruptOnSoftLimit' })
})
