import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { PoolOptions } from '../../src/pool/options.ts'
import { until } from '../support/wait.ts'
import type * as Hangs from './fixtures/hangs.ts'
import { spin } from './fixtures/in-process.ts'
import type * as InThread from './fixtures/in-thread.ts'
import { caromFailureOf, deathOf, fixture, openPool } from './real-pool.ts'

const open = (t: TestContext, options: Partial<PoolOptions> = {}) =>
  openPool<typeof InThread>(t, 'in-thread', { executor: 'threads', ...options })

test('A thread has the environment and the flags it was given, and no way to the channel', async (t) => {
  const env = { CAROM_TEST: 'yes' }
  const pool = open(t, { env, execArgv: ['--no-warnings'] })
  assert.deepEqual(await pool.exports.surroundings(), {
    isMainThread: false,
    workerData: { channel: null, generation: 1 },
    flags: ['--no-warnings'],
    variable: 'yes',
  })
})

test('Flags that are for a whole process end the pool with an error that names them', async (t) => {
  const pool = open(t, { execArgv: ['--max-old-space-size=64'] })
  const error = await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')
  assert.match(error.message, /invalid execArgv flags: --max-old-space-size=64/)
})

test('What a thread has printed comes out whole though it exits at once, and its end is in the certificate', async (t) => {
  const death = await deathOf(open(t).exports.complainAndExit())
  assert.deepEqual([death.killedBy, death.exitCode, death.pid], ['itself', 3, null])
  assert.ok(death.stderrTail.endsWith('x\nthe disk is on fire, 10\n'))
  assert.equal(death.stderrTail.length, 4_096)
})

test('What threads print is passed on, all of it', async () => {
  const script = fileURLToPath(fixture('accident-parent'))
  const args = [script, 'threads', JSON.stringify([['print', 3_000_000, 'stdout']])]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 4_000_000 })
  const report = '{"result":3000000}\n{"result":3}\n'
  assert.equal(stdout.length, Math.ceil(3_000_000 / 1_024) * 1_024 + report.length)
})

test('Progress that is told faster than it is heard is not queued, and the last arrives', async (t) => {
  const pool = open(t)
  await pool.whenStarted()
  const told: number[] = []
  const end = new Int32Array(new SharedArrayBuffer(4))
  const onProgress = (value: unknown) => told.push(value as number)
  const job = pool.applyAsync('tellAndWait', [10_000, end], { onProgress })
  // This thread hears nothing until all is told.
  while (Atomics.load(end, 0) === 0);
  await until(() => told.at(-1) === 10_000, { what: 'the last has arrived, though the job goes on' })
  assert.equal(job.state, 'accepted')
  assert.ok(told.length <= 20, `${told.length} were queued`)
  assert.deepEqual(
    told,
    told.toSorted((a, b) => a - b),
  )
  job.cancel()
  await job.result
  assert.equal(told.at(-1), 20_000, 'what is told last comes before the result')
})

test('An uncaught error is told whatever it is', async (t) => {
  const pool = open(t)
  const nothing = await deathOf(pool.exports.throwNothing())
  assert.deepEqual([nothing.killedBy, nothing.failure?.message], ['uncaught-error', 'null was thrown: null'])
  const unsendable = await deathOf(pool.exports.throwUnsendable())
  assert.equal(unsendable.killedBy, 'uncaught-error')
  assert.match(`${unsendable.failure?.name}: ${unsendable.failure?.message}`, /RangeError: with a function in it/)
})

test('A result arrives whole though the thread ends in the same moment', async (t) => {
  const pool = open(t, { spareChildren: 1 })
  for (const bytes of [1, 10, 100, 100_000, 30_000_000]) {
    const answered = pool.exports.answerAndExit(bytes)
    await pool.whenStarted()
    // This thread looks at nothing until both the result and the end of the other are there.
    spin(200)
    const result = await answered
    assert.equal(result.length, bytes)
    assert.ok(result.every((byte) => byte === 7))
  }
})

test('While too many threads hang in native code none is started, and the pool goes on when they are back', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'carom-threads-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const back = join(folder, 'back')
  const pool = openPool<typeof Hangs>(t, 'hangs', { executor: 'threads', concurrencyPerChild: 2 })
  for (const timeLimitMs of [100, 100]) {
    await caromFailureOf(pool.exports.native.with({ timeLimitMs })(6, back), 'CAROM_TIME_LIMIT')
  }
  await until(() => pool.stats().startFailures > 0, { what: 'a start has failed' })
  const waiting = pool.applyAsync('add', [1, 2])
  assert.deepEqual([waiting.state, pool.didStartOk()], ['queued', false])
  assert.equal(await waiting.result, 3)
  assert.equal(existsSync(back), false, 'a function that was given up does not go on when its call returns')
})

test('A module that makes a pool of threads of itself is stopped in its first thread', async () => {
  const env = { ...process.env, CAROM_TEST_EXECUTOR: 'threads' }
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(fixture('own-pool'))], { env })
  assert.match(stdout, /creates a pool of itself when a child loads it, without end: put the functions in a module/)
})

test('A pool that nobody closes does not keep a script alive, nor is a script given as text run again', async () => {
  const run = async (executor: string) => {
    const script = `
      import { Pool } from ${JSON.stringify(new URL('../../src/pool/index.js', import.meta.url).href)}
      const options = { module: ${JSON.stringify(fixture('jobs').href)}, processes: 1, executor: '${executor}' }
      console.log(await new Pool(options).apply('add', [20, 22]))`
    return (await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])).stdout
  }
  assert.deepEqual(await Promise.all([run('threads'), run('inline')]), ['42\n', '42\n'])
})
