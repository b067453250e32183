import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { beforeEach, type TestContext, test } from 'node:test'
import { EXECUTORS } from '../../src/pool/capabilities.ts'
import { Pool } from '../../src/pool/index.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import { until } from '../support/wait.ts'
import type * as InProcess from './fixtures/in-process.ts'
import { gates } from './fixtures/in-process.ts'
import type * as Starts from './fixtures/starts.ts'
import { caromFailureOf, deathOf, failureOf, fixture, openPool } from './real-pool.ts'

const open = (t: TestContext, options: Partial<PoolOptions> = {}) =>
  openPool<typeof InProcess>(t, 'in-process', { executor: 'inline', ...options })

beforeEach(() => {
  gates.passed = 0
})

test('A function that is terminated goes on unheard, and the next child does not notice', async (t) => {
  const pool = open(t)
  const job = pool.applyAsync('waitAtGate', [])
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  job.terminate()
  await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.equal(gates.passed, 0)
  gates.open()
  await until(() => gates.passed === 1, { what: 'it has gone on' })
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.deepEqual(
    pool.stats().children.map(({ state, jobsDone }) => [state, jobsDone]),
    [['ready', 2]],
  )
})

test('All jobs of a child that is given up are told so by their signals, and end in time', async (t) => {
  const pool = open(t, { concurrencyPerChild: 3 })
  const neighbour = pool.applyAsync('waitForAbort', [])
  const job = pool.applyAsync('waitForAbort', [])
  await until(() => job.state === 'accepted', { what: 'both run' })
  const death = deathOf(neighbour.result)
  job.terminate()
  await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
  const { killedBy, exitCode, pid } = await death
  assert.deepEqual([killedBy, exitCode, pid], ['neighbour', null, null])
  await until(() => gates.passed === 2, { what: 'both have heard it' })
})

test('The generator of a stream that is given up ends, and so does a question that nobody answers', async (t) => {
  const pool = open(t, { answer: () => new Promise(() => {}), concurrencyPerChild: 2 })
  const stream = pool.stream('yieldUntilClosed', [])
  assert.equal((await stream.next()).value, 0)
  const asking = pool.applyAsync('askAtGate', [])
  const lost = deathOf(asking.result)
  await until(() => asking.state === 'accepted', { what: 'both run' })
  const [streaming] = pool.stats().children.flatMap(({ running }) => running)
  assert.equal(pool.terminateJob(streaming as number), true)
  await failureOf(
    (async () => {
      for await (const _ of stream);
    })(),
  )
  assert.equal((await lost).killedBy, 'neighbour')
  await until(() => gates.passed === 2, { what: 'both have ended' })
})

test('A job that is terminated as it is accepted never begins', async (t) => {
  const pool = open(t)
  pool.once('accepted', ({ id }) => pool.terminateJob(id))
  await caromFailureOf(pool.exports.pass(), 'CAROM_JOB_TERMINATED')
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.equal(gates.passed, 0)
})

test('Between two jobs the rest of the process gets its turn', async (t) => {
  const pool = open(t, { concurrencyPerChild: 50 })
  await pool.whenStarted()
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setTimeout(count)
  }
  count()
  await Promise.all(Array.from({ length: 50 }, () => pool.exports.spin(4)))
  isOver = true
  assert.ok(turns >= 25, `${turns} turns beside 50 jobs`)
})

test('Functions run in the context in which the pool was made, whoever calls them', async (t) => {
  const storage = new AsyncLocalStorage<string>()
  gates.storage = storage
  const pool = storage.run('maker', () => open(t))
  await pool.whenStarted()
  assert.equal(await storage.run('caller', () => pool.exports.inStorage()), 'maker')
})

for (const executor of EXECUTORS) {
  test(`In a child of ${executor} an inline pool has its own jobs and its own owner`, async (t) => {
    const answer = async (name: string) => `outer ${name}`
    const pool = openPool<typeof InProcess>(t, 'in-process', { executor, answer })
    assert.deepEqual(await pool.exports.nested(), [true, 'outer first', 'inner second', 'outer third'])
  })
}

test('A process whose inline pool loads a module may make other pools of it', async (t) => {
  const options = { module: fixture('starts'), executor: 'inline' } as const
  const first = new Pool<typeof Starts>({ ...options, initializer: 'askOnStart', answer: async () => meanwhile() })
  t.after(() => first.terminate())
  let second: Pool<typeof Starts> | undefined
  const meanwhile = () => {
    second = new Pool<typeof Starts>(options)
    return 'made'
  }
  assert.equal(await first.exports.pid(), process.pid)
  assert.equal(await second?.exports.pid(), process.pid)
  await second?.close()
})
