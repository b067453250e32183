import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type TestContext, test } from 'node:test'
import type { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { processFacts } from './proc.ts'
import { failureOf, openPool, readyPids } from './real-pool.ts'

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

test('A subscriber that ends the pool as it hears of a call keeps no call of any form from its end', async (t) => {
  stayAwake(t)
  for (const end of ['close', 'terminate'] as const) {
    for (const call of [
      (pool: Pool<typeof Jobs>) => pool.exports.add(1, 2),
      (pool: Pool<typeof Jobs>) => pool.apply('add', [1, 2], { signal: new AbortController().signal }),
      (pool: Pool<typeof Jobs>) => pool.map('echo', [1, 2]),
      (pool: Pool<typeof Jobs>) => pool.imap('echo', [1, 2]).next(),
    ]) {
      const pool = openPool<typeof Jobs>(t, 'jobs')
      await readyPids(pool, 1)
      const onJob = () => void pool[end]()
      subscribe('carom:pool:job', onJob)
      const error = await failureOf(call(pool)).finally(() => unsubscribe('carom:pool:job', onJob))
      assert.match(String(error.code), /^CAROM_(JOB_TERMINATED|POOL_CLOSED)$/)
      await pool.join({ timeoutMs: 5_000 })
    }
  }
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
