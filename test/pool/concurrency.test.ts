import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { until } from '../support/wait.ts'
import type * as Asking from './fixtures/asking.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { ledgerFile } from './ledger-file.ts'
import { caromFailureOf, deathOf, failureOf, openPool, readyPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

test('A child with twenty credits runs twenty waiting jobs at once', async (t) => {
  const pool = openPool<typeof Asking>(t, 'asking', { concurrencyPerChild: 20 })
  const all = Array.from({ length: 40 }, () => pool.applyAsync('meet', [20]))
  const counts = await Promise.all(all.map(({ result }) => result))
  assert.deepEqual(counts, new Array(40).fill(20), 'two groups of twenty met, none of more')
})

test('Jobs are spread over children with room, the emptiest first', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2, concurrencyPerChild: 10 })
  const pids = await readyPids(pool, 2)
  const ranIn = await Promise.all(Array.from({ length: 20 }, () => pool.exports.pause(50)))
  for (const pid of pids) assert.equal(ranIn.filter((each) => each === pid).length, 10)
})

test('A death takes all jobs of its child, and each is lost once', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { concurrencyPerChild: 5 })
  const lost = Array.from({ length: 4 }, () => deathOf(pool.exports.never()))
  lost.push(deathOf(pool.exports.exit(3)))
  const waiting = pool.exports.add(1, 2)
  const deaths = await Promise.all(lost)
  assert.equal(new Set(deaths.map(({ pid }) => pid)).size, 1)
  assert.equal(await waiting, 3)
})

test('stats() tells of every child its pid, state, jobs done, running jobs and memory', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2, concurrencyPerChild: 3 })
  const pids = await readyPids(pool, 2)
  for (let round = 0; round < 5; round++) await pool.exports.add(1, 2)
  const job = pool.applyAsync('untilAborted', [])
  await until(() => job.state === 'accepted', { what: 'the job runs' })
  const { children, uptimeMs, writes, waitMs, runMs, ...rest } = pool.stats()
  assert.deepEqual(rest, {
    implementation: 'carom.pool:prefork',
    'max-concurrency': 6,
    processes: pids,
    'max-tasks-per-child': 'N/A',
    'put-guarded-by-semaphore': false,
    timeouts: [0, 0],
    phase: 'run',
    queued: 0,
    open: 1,
    startFailures: 0,
    breaker: { state: 'closed', delayedRestarts: 0 },
  })
  assert.ok(uptimeMs > 0)
  assert.deepEqual([writes.total, waitMs.count, runMs.count], [6, 6, 5], 'five have ended')
  assert.equal(
    children.reduce((sum, { jobsDone }) => sum + jobsDone, 0),
    5,
  )
  assert.deepEqual(
    children.flatMap(({ running }) => running),
    [job.id],
  )
  for (const { state, startMethod, privateMemoryBytes, ageMs } of children) {
    assert.deepEqual([state, startMethod], ['ready', START_METHOD])
    const leastBytes = startMethod === 'spawn' ? 4_000_000 : 100_000
    assert.ok((privateMemoryBytes ?? 0) > leastBytes || process.platform !== 'linux')
    assert.ok(ageMs > 0)
  }
  job.cancel()
  await job.result
})

test('Code in a child asks the owner of the pool, and gets its answer or its error', async (t) => {
  const answer = async (name: string, value: unknown) => {
    if (name === 'double') return 2 * (value as number)
    if (name === 'function') return () => 1
    throw Object.assign(new RangeError(`no ${name}`), { code: 'ENOANSWER' })
  }
  const pool = openPool<typeof Asking>(t, 'asking', { answer, maxPayloadBytes: 100_000, concurrencyPerChild: 10 })
  assert.equal(await pool.exports.askFor('double', 21), 42)
  const refused = await failureOf(pool.exports.askFor('nothing', 1))
  assert.deepEqual([refused.name, refused.message, refused.code], ['RangeError', 'no nothing', 'ENOANSWER'])
  assert.match((await failureOf(pool.exports.askFor('function', 1))).message, /A function cannot leave its process/)
  assert.match((await failureOf(pool.exports.askForMuch(100_000))).message, /over the limit of 100000/)
  assert.match((await failureOf(pool.exports.askForFunction())).message, /A function cannot leave its process/)
  assert.equal(await pool.exports.askManyTimes('double', 500), 500)
  assert.equal(pool.stats().children[0]?.jobsDone, 6, 'no question has cost the child its life')
})

test('Without an answer option every question is refused', async (t) => {
  const pool = openPool<typeof Asking>(t, 'asking')
  assert.match((await failureOf(pool.exports.askFor('anything', 1))).message, /Nobody answers "anything"/)
})

test('A job that was given up while it asked does not disturb its pool', async (t) => {
  const asked = deferred<void>()
  const answers = deferred<number>()
  const answer = () => {
    asked.resolve()
    return answers.promise
  }
  const pool = openPool<typeof Asking>(t, 'asking', { answer })
  const job = pool.applyAsync('askFor', ['slow', 1])
  await asked.promise
  job.terminate()
  await caromFailureOf(job.result, 'CAROM_JOB_TERMINATED')
  answers.resolve(1)
  assert.equal(await pool.exports.askFor('again', 1), 1)
})

function deferred<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((res) => {
    resolve = res
  })
  return { promise, resolve }
}

test('A child that asks as fast as it reads may go on with it, though it is never seen to have read all', async (t) => {
  const text = 'a'.repeat(16_000)
  const pool = openPool<typeof Asking>(t, 'asking', { answer: async () => text })
  assert.equal(await pool.exports.askInLanes(200, 10_000, text.length), 10_000)
})

test('A question does not wait in a child for a neighbour that begins after it', async (t) => {
  const folder = ledgerFile(t)
  const answer = async (name: string) => {
    if (name === 'second') writeFileSync(`${folder}-end`, '')
  }
  const pool = openPool<typeof Asking>(t, 'asking', { answer, concurrencyPerChild: 2, timeLimitMs: 5_000 })
  await readyPids(pool, 1)
  const asking = pool.applyAsync('askTwiceWhen', [`${folder}-begin`])
  await until(() => asking.state === 'accepted', { what: 'it runs' })
  const spinning = pool.applyAsync('spinFor', [`${folder}-end`])
  // Past the write of the order: it lies there when the questions are asked.
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)))
  writeFileSync(`${folder}-begin`, '')
  await Promise.all([asking.result, spinning.result])
})
