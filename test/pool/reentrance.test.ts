import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { processFacts } from './proc.ts'
import { openPool, readyPids } from './real-pool.ts'

test('Whoever hears of a death may ask the pool at once: for another job, for another child, for its end', async (t) => {
  stayAwake(t)
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const [first] = await readyPids(pool, 1)
  const asked = new Promise<unknown[]>((resolve) => {
    pool.once('childDown', () => {
      const answers = [pool.exports.add(1, 2), pool.resize(2), pool.exports.add(3, 4)]
      resolve(Promise.all([...answers, pool.exports.pid()]))
    })
  })
  process.kill(first as number, 'SIGKILL')
  const [three, , seven, pid] = await asked
  assert.deepEqual([three, seven], [3, 7])
  assert.notEqual(pid, first)
  const ended = new Promise<void>((resolve) => pool.once('childDown', () => resolve(pool.close())))
  process.kill(pid as number, 'SIGKILL')
  await ended
})

test('What waits for a child that does not read is not overwritten by what comes after it', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { concurrencyPerChild: 400 })
  const [pid] = await readyPids(pool, 1)
  process.kill(pid as number, 'SIGSTOP')
  await until(() => processFacts(pid as number)?.state === 'T', { what: 'the child is stopped' })
  const texts = Array.from({ length: 400 }, (_, nth) => `${nth} `.repeat(3_000))
  const first = texts.slice(0, 200).map((text) => pool.exports.echo(text))
  await new Promise((resolve) => setImmediate(resolve))
  // A start lets what was sent leave first: here there is nothing new, and no room.
  const grown = pool.grow(1)
  const second = texts.slice(200).map((text) => pool.exports.echo(text))
  await grown
  process.kill(pid as number, 'SIGCONT')
  assert.deepEqual(await Promise.all([...first, ...second]), texts)
})

/** An idle pool does not keep a process alive that waits for its events. */
function stayAwake(t: TestContext): void {
  const timer = setInterval(() => {}, 1_000)
  t.after(() => clearInterval(timer))
}
