import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { KilledBy } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import type * as LastAct from './fixtures/last-act.ts'
import { isAlive, processFacts } from './proc.ts'
import { caromFailureOf, deathOf, openPool, readyPids } from './real-pool.ts'

interface Expected {
  readonly killedBy: KilledBy
  readonly exitCode?: number
  readonly signal?: NodeJS.Signals
  readonly failure?: RegExp
}

const DEATHS: readonly (readonly [string, keyof typeof Jobs, readonly unknown[], Expected])[] = [
  ['calls process.exit(0)', 'exit', [0], { killedBy: 'itself', exitCode: 0 }],
  ['calls process.exit(7)', 'exit', [7], { killedBy: 'itself', exitCode: 7 }],
  ['calls process.abort()', 'abort', [], { killedBy: 'signal', signal: 'SIGABRT' }],
  ['crashes in native code', 'kill', ['SIGSEGV'], { killedBy: 'signal', signal: 'SIGSEGV' }],
  ['kills its process', 'kill', ['SIGKILL'], { killedBy: 'signal', signal: 'SIGKILL' }],
  [
    'leaves a rejection unhandled',
    'rejectUnhandled',
    [],
    { killedBy: 'uncaught-error', exitCode: 1, failure: /^RangeError: nobody caught me$/ },
  ],
  [
    'throws out of a timer',
    'throwLater',
    [],
    { killedBy: 'uncaught-error', exitCode: 1, failure: /^TypeError: thrown out of the blue$/ },
  ],
]

for (const [what, name, args, expected] of DEATHS) {
  test(`A job that ${what} is lost with the right certificate, and the next job runs`, async (t) => {
    const pool = openPool(t, 'jobs')
    const pid = await pool.apply('pid', [])
    const error = await caromFailureOf(pool.apply(name, [...args]), 'CAROM_CHILD_LOST')
    const { failure, stderrTail, livedMs, cpuMs, ranMs, memoryBytes, ...certificate } = error.certificate as Awaited<
      ReturnType<typeof deathOf>
    >
    const { killedBy, exitCode = null, signal = null } = expected
    assert.deepEqual(certificate, { pid, killedBy, exitCode, signal, phase: 'running' })
    if (expected.failure === undefined) assert.equal(failure, null)
    else assert.match(`${failure?.name}: ${failure?.message}`, expected.failure)
    assert.ok(livedMs > 0)
    assert.ok(cpuMs === null || cpuMs > 0)
    assert.ok(ranMs !== null && ranMs >= 0 && ranMs <= livedMs, `it ran for ${ranMs} of ${livedMs} ms`)
    if (process.platform === 'linux') assert.ok((memoryBytes ?? 0) > 4_000_000, `it had ${memoryBytes} bytes`)
    assert.match(error.message, new RegExp(`^Child ${pid} .* while it ran job \\d+ \\(${name}\\)`))
    assert.equal(await pool.apply('add', [1, 2]), 3)
  })
}

test('A job that fills the heap is lost to the heap limit, and the message says so', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { execArgv: ['--max-old-space-size=40'] })
  const error = await caromFailureOf(pool.exports.fillHeap(), 'CAROM_CHILD_LOST')
  const { killedBy } = error.certificate as Awaited<ReturnType<typeof deathOf>>
  assert.equal(killedBy, 'heap-limit')
  assert.match(error.message, /V8 reached its heap limit\): FATAL ERROR: .*heap out of memory/)
})

test('The last line of stderr is the evidence of a child that says why it goes', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const error = await caromFailureOf(pool.exports.complainAndExit(), 'CAROM_CHILD_LOST')
  assert.match(error.message, /ended with exit code 3 \(it exited by itself\): the disk is on fire while it ran/)
})

test('A job whose child is killed before accepting it runs in another child, and nobody sees it', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const pid = await pool.exports.pid()
  process.kill(pid, 'SIGSTOP')
  await until(() => processFacts(pid)?.state === 'T', { what: 'the child is stopped' })
  const job = pool.applyAsync('pid', [])
  assert.equal(job.state, 'dispatched')
  process.kill(pid, 'SIGKILL')
  assert.notEqual(await job.result, pid)
})

test('A job that was asked to stop before its child could accept it does not run in another one', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const pid = await pool.exports.pid()
  process.kill(pid, 'SIGSTOP')
  await until(() => processFacts(pid)?.state === 'T', { what: 'the child is stopped' })
  const job = pool.applyAsync('pid', [])
  job.cancel()
  process.kill(pid, 'SIGKILL')
  await caromFailureOf(job.result, 'CAROM_JOB_CANCELLED')
})

test('A job whose child is killed while it runs is lost', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const pid = await pool.exports.pid()
  const job = pool.applyAsync('spin', [])
  await until(() => job.state === 'accepted', { what: 'the job has begun' })
  process.kill(pid, 'SIGKILL')
  assert.deepEqual(await deathOf(job.result).then(({ killedBy, signal }) => [killedBy, signal]), ['signal', 'SIGKILL'])
})

test('A child killed while idle costs nothing, and is replaced', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const pid = await pool.exports.pid()
  process.kill(pid, 'SIGKILL')
  const next = await until(async () => (await readyPids(pool, 1)).find((each) => each !== pid), { what: 'a new child' })
  assert.equal(await pool.exports.pid(), next)
})

test('A result that arrived whole counts, though its child dies right after it', async (t) => {
  const pool = openPool<typeof LastAct>(t, 'last-act')
  for (let round = 0; round < 5; round++) {
    assert.equal((await pool.exports.answerAndDie(10)).length, 10)
    assert.equal((await pool.exports.answerAndDie(2_000_000)).length, 2_000_000)
  }
})

test('The result of a neighbour is not lost when a job ends the process in the same moment', async (t) => {
  const pool = openPool<typeof LastAct>(t, 'last-act', { concurrencyPerChild: 2 })
  const met = pool.exports.meet()
  const parted = deathOf(pool.exports.part())
  assert.equal(await met, 'met')
  assert.equal((await parted).killedBy, 'itself')
})

test('A job does not begin before its acceptance is with the kernel, even if the channel is full', async (t) => {
  const pool = openPool<typeof LastAct>(t, 'last-act', { concurrencyPerChild: 2 })
  const file = join(mkdtempSync(join(tmpdir(), 'carom-deaths-')), 'ledger')
  t.after(() => rmSync(dirname(file), { recursive: true, force: true }))
  // Both calls reach the child in one read, and the first result is more than the channel holds.
  const [large, death] = await Promise.all([pool.exports.large(2_000_000), deathOf(pool.exports.recordAndDie(file))])
  assert.equal(large.length, 2_000_000)
  assert.equal(death.signal, 'SIGKILL')
  assert.equal(readFileSync(file, 'utf8'), 'began\n', 'it began once, and was lost with its child')
})

test('A process that a job has started goes with the child', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const grandchild = await pool.exports.startGrandchild()
  assert.ok(isAlive(grandchild))
  await deathOf(pool.exports.exit(0))
  await until(() => !isAlive(grandchild), { what: 'the grandchild is gone' })
})

test('Children ignore the signals that a terminal or an init sends to everyone', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const pid = await pool.exports.pid()
  const spinning = pool.exports.busy(300)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  assert.equal(await spinning, pid)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  assert.equal(await pool.exports.pid(), pid)
})
