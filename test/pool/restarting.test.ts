import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { until } from '../support/wait.ts'
import type * as Shifts from './fixtures/shifts.ts'
import { caromFailureOf, openPool, readyPids } from './real-pool.ts'

test('restart() replaces every child while jobs go on, and there are never fewer ready than wanted', async (t) => {
  const pool = openPool<typeof Shifts>(t, 'shifts', { processes: 2 })
  const old = await readyPids(pool, 2)
  let restarted = false
  let fewest = 2
  const look = () => {
    const ready = pool.stats().children.filter(({ state }) => state === 'ready').length
    fewest = Math.min(fewest, ready)
  }
  for (const event of ['childUp', 'childDown', 'accepted', 'settled'] as const) pool.on(event, look)
  const work = async () => {
    const spans: Shifts.Span[] = []
    while (!restarted) spans.push(await pool.exports.span(5))
    return spans
  }
  const working = [work(), work()]
  await pool.restart()
  restarted = true
  assert.equal(fewest, 2)
  const spans = (await Promise.all(working)).flat()
  assert.ok(spans.some(({ pid }) => old.includes(pid)) && spans.some(({ pid }) => !old.includes(pid)))
  for (const pid of await readyPids(pool, 2)) assert.ok(!old.includes(pid))
})

test('restart() loads the module anew', async (t) => {
  const file = join(scratch(t), 'answer.mjs')
  const write = (code: string) => writeFileSync(file, code)
  write('export const answer = () => 1')
  const pool = openPool<{ answer(): number }>(t, 'shifts', { module: pathToFileURL(file), processes: 2 })
  await readyPids(pool, 2)
  write('export const answer = () => 2')
  assert.equal(await pool.exports.answer(), 1)
  await pool.restart()
  assert.deepEqual(await pool.map('answer', [1, 2, 3, 4]), [2, 2, 2, 2])
})

test('A restart into a module that cannot be loaded fails, and the old children stay at work until it can', async (t) => {
  const file = join(scratch(t), 'answer.mjs')
  const write = (code: string) => writeFileSync(file, code)
  write('export const answer = () => 1')
  const pool = openPool<{ answer(): number }>(t, 'shifts', { module: pathToFileURL(file) })
  await readyPids(pool, 1)
  assert.equal(pool.didStartOk(), true)
  write('export const answer = () => (')
  const error = await caromFailureOf(pool.restart(), 'CAROM_CHILD_START')
  assert.match(error.message, /SyntaxError/)
  assert.equal(pool.didStartOk(), false)
  assert.equal(await pool.exports.answer(), 1)
  write('export const answer = () => 2')
  await until(async () => (await pool.exports.answer()) === 2, { withinMs: 20_000, what: 'a new child is at work' })
  assert.equal(pool.didStartOk(), true)
})

test('A restart that the end of the pool overtakes fails', async (t) => {
  const pool = openPool<typeof Shifts>(t, 'shifts')
  const [restarted, grown] = [pool.restart(), pool.grow()]
  const both = Promise.all([caromFailureOf(restarted, 'CAROM_POOL_CLOSED'), caromFailureOf(grown, 'CAROM_POOL_CLOSED')])
  await pool.terminate()
  await both
})

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-restarting-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
