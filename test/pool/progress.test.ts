import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Telling from './fixtures/telling.ts'
import { caromFailureOf, failureOf, openPool, readyPids } from './real-pool.ts'

for (const name of ['tellNumbers', 'tellAtOnce'] as const) {
  test(`What a job tells arrives in its order, the last before its result (${name})`, async (t) => {
    const pool = openPool<typeof Telling>(t, 'telling')
    const told: unknown[] = []
    const result = await pool.exports[name].with({ onProgress: (value) => told.push(value) })(200)
    told.push(result)
    assert.deepEqual(told.slice(-2), [200, 'told'])
    const numbers = told.slice(0, -1) as number[]
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )
    assert.equal(new Set(numbers).size, numbers.length)
  })
}

test('What a job tells before it fails arrives before its failure', async (t) => {
  const pool = openPool<typeof Telling>(t, 'telling')
  const story: unknown[] = []
  const call = pool.exports.tellAndThrow.with({ onProgress: (value) => story.push(value) })()
  story.push((await failureOf(call)).message)
  assert.deepEqual(story, ['nearly there', 'but not quite'])
})

test('A job that never waits is heard while it runs', async (t) => {
  const pool = openPool<typeof Telling>(t, 'telling')
  const told = new Promise((resolve) => {
    const job = pool.applyAsync('tellAndSpin', [], { onProgress: (value) => resolve([value, job.state]) })
    t.after(() => job.terminate())
  })
  assert.deepEqual(await told, [{ half: true }, 'accepted'])
})

test('progress() throws in the job for what cannot be sent, and the job may go on', async (t) => {
  const pool = openPool<typeof Telling>(t, 'telling', { maxPayloadBytes: 2_000 })
  assert.deepEqual(await pool.exports.tellTooMuch(5_000), ['CAROM_RESULT_UNENCODABLE', 'CAROM_RESULT_TOO_LARGE'])
})

test('What a job tells when it is over is dropped, and its child lives', async (t) => {
  const pool = openPool<typeof Telling>(t, 'telling')
  const told: unknown[] = []
  const pid = await pool.exports.tellAfterwards.with({ onProgress: (value) => told.push(value) })()
  assert.equal(await pool.exports.pause(100), pid)
  assert.deepEqual(told, [])
})

test('Telling faster than anybody reads takes no memory, and the last arrives', async (t) => {
  const pool = openPool<typeof Telling>(t, 'telling')
  let last = 0
  const onProgress = (value: unknown) => {
    const { n } = value as { n: number }
    assert.ok(n > last)
    last = n
  }
  const grown = await pool.exports.tellMuch.with({ onProgress })(5_000, 64_000)
  assert.equal(last, 5_000)
  assert.ok(grown < 100 * 1024 * 1024, `grew by ${grown} bytes`)
})

test('What a job tells while nobody reads is not kept, also where it is small', async (t) => {
  const pool = openPool<typeof Telling>(t, 'telling')
  const folder = mkdtempSync(join(tmpdir(), 'carom-telling-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'all-told')
  const told: unknown[] = []
  const job = pool.applyAsync('tellAllThenWrite', [TIMES, file], { onProgress: (value) => told.push(value) })
  await until(() => job.state === 'accepted', { what: 'the job has begun' })
  const giveUpAtMs = performance.now() + 30_000
  // Nobody reads meanwhile.
  while (!existsSync(file) && performance.now() < giveUpAtMs);
  await job.result
  assert.equal(told.at(-1), TIMES)
  assert.ok(told.length < TIMES / 10, `${told.length} of ${TIMES} were kept`)
})

test('Nobody has to listen, and a chunk of a map tells as any job does', async (t) => {
  const pool = openPool<typeof Telling>(t, 'telling')
  const pids = await readyPids(pool, 1)
  assert.equal(await pool.exports.tellNumbers(10), 'told')
  const told: unknown[] = []
  await pool.map('tellNumbers', [1, 2], { chunkSize: 2, onProgress: (value) => told.push(value) })
  assert.deepEqual(told, [1, 1, 2])
  await caromFailureOf(pool.exports.tellAndSpin.with({ softTimeLimitMs: 100 })(), 'CAROM_SOFT_TIME_LIMIT')
  assert.deepEqual(await readyPids(pool, 1), pids)
})

const TIMES = 300_000
