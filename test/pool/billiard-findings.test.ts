/** What was seen to go wrong in Billiard's pool when it was run, and two complaints of `billiard.test.ts`: the ends. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as BadFrames from './fixtures/bad-frames.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { caromFailureOf, deathOf, failureOf, fixture, openPool } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

type Functions = typeof Billiard

const pool = new Pool<Functions>({ module: fixture('billiard'), startMethod: START_METHOD, processes: 1 })
after(() => pool.terminate())

test('Complaint 22 (celery#950, billiard#69, billiard#260): a dozen deaths in a row end no pool, and one job that ends well makes it whole', async (t) => {
  const dying = openPool<Functions>(t, 'billiard')
  for (let death = 0; death < 12; death++) await deathOf(dying.exports.exit(1))
  assert.equal(await dying.exports.add(1, 2), 3)
  assert.deepEqual(dying.stats().breaker, { state: 'closed', delayedRestarts: 0 })
})

test('Complaint 25 (celery#2911, celery#8211): a part that is killed fails its whole as a part that throws does', async () => {
  const told: string[] = []
  const listener = (_: unknown, outcome: string): number => told.push(outcome)
  pool.on('settled', listener)
  await deathOf(pool.map('exit', [1, 1], { chunkSize: 1 }))
  await until(() => told.length === 2, { what: 'both parts are told of' })
  pool.off('settled', listener)
  assert.deepEqual(told, ['lost', 'lost'])
})

test('billiard#462: a pool without children, in which every job would wait for ever, is refused', () => {
  assert.throws(() => new Pool({ module: fixture('billiard'), processes: 0 }), /processes to 0/)
  assert.throws(() => new Pool({ module: fixture('billiard'), maxTasksPerChild: 0 }), /maxTasksPerChild to 0/)
})

test('Seen in Billiard 4.2.4: arguments that cannot be sent made a call that never ended; here it fails', async () => {
  await caromFailureOf(
    pool.exports.echo(() => 1),
    'CAROM_ARGUMENTS_UNENCODABLE',
  )
  assert.equal(await pool.exports.echo('next'), 'next')
})

test('Seen in Billiard 4.2.4: a result that cannot be sent fails as itself, with the reason', async () => {
  assert.match((await caromFailureOf(pool.exports.makeFunction(), 'CAROM_RESULT_UNENCODABLE')).message, /A function/)
})

test('Seen in Billiard 4.2.4: a second unreadable result ended the parent; here each fails its own job', async (t) => {
  const framed = openPool<typeof BadFrames>(t, 'bad-frames', { concurrencyPerChild: 10 })
  for (let times = 0; times < 3; times++)
    await caromFailureOf(framed.exports.unreadableResult(), 'CAROM_RESULT_UNENCODABLE')
  assert.equal(typeof (await framed.exports.pid()), 'number')
  await framed.terminate()
  assert.equal(framed.state, 'ended')
})

test('Seen in Billiard 4.2.4: maps over recycled children failed; here children may come and go under a map', async (t) => {
  const recycling = openPool<Functions>(t, 'billiard', { processes: 2, maxTasksPerChild: 2 })
  const numbers = Array.from({ length: 12 }, (_, at) => at)
  assert.deepEqual(
    await recycling.map('square', numbers, { chunkSize: 1 }),
    numbers.map((n) => n * n),
  )
})

test('Seen in Billiard 4.2.4: imap() hung when a child was killed; here it throws what happened', async () => {
  const taken: unknown[] = []
  const take = async (values: AsyncIterable<unknown>): Promise<void> => {
    for await (const value of values) taken.push(value)
  }
  const death = await deathOf(take(pool.imap('exit', [3])))
  assert.deepEqual([death.killedBy, death.exitCode], ['itself', 3])
  assert.equal((await deathOf(take(pool.imapUnordered('exit', [4])))).exitCode, 4)
  assert.deepEqual(taken, [])
})

test('Read in Billiard 4.2.4: a soft limit could hit the job after the one it was for; here it names its job', async () => {
  const tight = { softTimeLimitMs: 10 }
  for (let round = 0; round < 20; round++) {
    const [, next] = await Promise.all([pool.exports.pause.with(tight)(10), pool.exports.abortedWithin(3)])
    assert.equal(next, false)
  }
})

test('Seen in Billiard 4.2.4: what the parent makes of a death is an error of its class, not wrapped in another', async () => {
  const error = await failureOf(pool.exports.exit(0))
  assert.equal(error.constructor.name, 'CaromError')
  assert.equal(error.code, 'CAROM_CHILD_LOST')
})
