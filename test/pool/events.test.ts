import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ChildTransition, JobTransition } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { processFacts } from './proc.ts'
import { deathOf, failureOf, fixture, openPool, readyPids } from './real-pool.ts'

test('Listeners hear of each job when it begins, in which child, and how it ends', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const heard: unknown[] = []
  pool.on('accepted', (job, pid) => heard.push([job, 'accepted', pid]))
  pool.on('settled', (job, outcome) => heard.push([job, outcome]))
  const [pid] = await readyPids(pool, 1)
  const job = pool.applyAsync('add', [1, 2])
  await job.result
  const info = { id: job.id, name: 'add' }
  assert.deepEqual(heard, [
    [info, 'accepted', pid],
    [info, 'succeeded'],
  ])
})

test('Every way in which a job can end has its word', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const outcomes: unknown[] = []
  pool.on('settled', ({ name }, outcome) => outcomes.push([name, outcome]))
  await pool.exports.add(1, 2)
  await failureOf(pool.apply('untilAbortedThenThrow', [], { softTimeLimitMs: 50 }))
  await deathOf(pool.exports.exit(1))
  await failureOf(pool.exports.never.with({ timeLimitMs: 50 })())
  const running = pool.applyAsync('spin', [])
  await until(() => running.state === 'accepted', { what: 'it runs' })
  pool.applyAsync('pid', []).cancel()
  running.terminate()
  await failureOf(running.result)
  assert.deepEqual(outcomes, [
    ['add', 'succeeded'],
    ['untilAbortedThenThrow', 'failed'],
    ['exit', 'lost'],
    ['never', 'timedOut'],
    ['pid', 'cancelled'],
    ['spin', 'terminated'],
  ])
})

test('Listeners hear of each child when it is ready and when it is gone', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  const ups: unknown[] = []
  const downs: unknown[] = []
  pool.on('childUp', (pid) => ups.push(pid))
  pool.on('childDown', ({ pid, killedBy }) => downs.push([pid, killedBy]))
  const pids = await readyPids(pool, 2)
  assert.deepEqual([...ups].sort(), [...pids].sort())
  const { pid } = await deathOf(pool.exports.exit(3))
  assert.deepEqual(downs, [[pid, 'itself']])
  const now = await readyPids(pool, 2)
  assert.deepEqual(
    ups.slice(2),
    now.filter((each) => !pids.includes(each)),
  )
  await pool.close()
  assert.equal(downs.length, 3)
})

test('A listener that throws stops neither the pool nor the job: its error is an uncaught one of its own', async () => {
  const script = fileURLToPath(fixture('throwing-listeners'))
  const { stdout } = await promisify(execFile)(process.execPath, [script, 'catch'])
  const { results, caught } = JSON.parse(stdout)
  assert.deepEqual(results, [3, 3, 'told'])
  assert.deepEqual(new Set(caught), new Set(['accepted', 'settled', 'childUp', 'childDown', 'progress']))
  const crash = await promisify(execFile)(process.execPath, [script]).catch((error) => error)
  assert.equal(crash.code, 1)
  assert.match(crash.stderr, /Error: childUp/)
})

test('carom:pool:job tells every step of a job, with the child that has it', async (t) => {
  const steps = watch<JobTransition>(t, 'carom:pool:job')
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const [pid] = await readyPids(pool, 1)
  const job = pool.applyAsync('untilAborted', [], { softTimeLimitMs: 50 })
  await job.result
  const facts = { pool: steps[0]?.pool as number, job: job.id, name: 'untilAborted', outcome: null }
  assert.deepEqual(steps, [
    { ...facts, to: 'queued', pid: null },
    { ...facts, to: 'dispatched', pid },
    { ...facts, to: 'accepted', pid },
    { ...facts, to: 'softTimeout', pid },
    { ...facts, to: 'settled', outcome: 'succeeded', pid: null },
  ])
})

test('A job that comes back from a child that died before it began is queued again', async (t) => {
  const steps = watch<JobTransition>(t, 'carom:pool:job')
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const [pid] = (await readyPids(pool, 1)) as [number]
  process.kill(pid, 'SIGSTOP')
  await until(() => processFacts(pid)?.state === 'T', { what: 'the child is stopped' })
  const job = pool.applyAsync('pid', [])
  process.kill(pid, 'SIGKILL')
  const next = await job.result
  assert.deepEqual(
    steps.map((step) => [step.to, step.pid]),
    [
      ['queued', null],
      ['dispatched', pid],
      ['queued', null],
      ['dispatched', next],
      ['accepted', next],
      ['settled', null],
    ],
  )
})

test('carom:pool:child tells every step of a child, and why it was killed or replaced', async (t) => {
  const steps = watch<ChildTransition>(t, 'carom:pool:child')
  const pool = openPool<typeof Jobs>(t, 'jobs', { startMethod: 'spawn' })
  const of = (pid: number | undefined) =>
    steps.filter((step) => step.pid === pid).map(({ slot, to, reason }) => [slot, to, reason])
  const [first] = await readyPids(pool, 1)
  await failureOf(pool.exports.spin.with({ timeLimitMs: 50 })())
  const [second] = await readyPids(pool, 1)
  await pool.restart()
  const [third] = await readyPids(pool, 1)
  await pool.close()
  assert.deepEqual(of(first), [
    [0, 'starting', null],
    [0, 'ready', null],
    [0, 'killed', 'job'],
    [0, 'gone', 'job'],
  ])
  assert.deepEqual(of(second), [
    [0, 'starting', null],
    [0, 'ready', null],
    [0, 'leaving', 'restart'],
    [0, 'stopping', 'restart'],
    [0, 'gone', 'restart'],
  ])
  assert.deepEqual(of(third), [
    [1, 'starting', null],
    [1, 'ready', null],
    [1, 'leaving', null],
    [1, 'stopping', null],
    [1, 'gone', null],
  ])
  assert.equal(new Set(steps.map((step) => step.pool)).size, 1)
})

function watch<T>(t: TestContext, channel: string): T[] {
  const seen: T[] = []
  const listener = (message: unknown) => seen.push(message as T)
  subscribe(channel, listener)
  t.after(() => unsubscribe(channel, listener))
  return seen
}
