import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { childrenOf } from './proc.ts'
import { caromFailureOf, failureOf, fixture, openPool, readyPids } from './real-pool.ts'

test('apply(), applyAsync() and exports call the same function', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  assert.equal(await pool.apply('add', [1, 2]), 3)
  assert.equal(await pool.apply('addLater', [1, 2]), 3)
  assert.equal(await pool.exports.add(3, 4), 7)
  const job = pool.applyAsync('add', [5, 6])
  assert.equal(await job.result, 11)
  assert.equal(job.state, 'settled')
  assert.equal(await pool.exports.jobId(), String(job.id + 1), 'currentJob() tells the job its number')
})

test('A job goes from queued over dispatched and accepted to settled', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const first = pool.applyAsync('untilAborted', [])
  const second = pool.applyAsync('add', [1, 2])
  assert.deepEqual([first.state, second.state], ['queued', 'queued'])
  await pool.whenStarted()
  assert.deepEqual([first.state, second.state], ['dispatched', 'queued'])
  await until(() => first.state === 'accepted', { what: 'the first has begun' })
  first.cancel()
  assert.equal(await first.result, 'CAROM_JOB_CANCELLED')
  assert.equal(await second.result, 3)
  assert.deepEqual([first.state, second.state], ['settled', 'settled'])
})

test('A child is another process, and each of several gets its share', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { processes: 2 })
  const pids = await readyPids(pool, 2)
  const ranIn = await Promise.all(Array.from({ length: 8 }, () => pool.exports.busy(30)))
  assert.deepEqual(new Set(ranIn), new Set(pids))
  assert.ok(!pids.includes(process.pid))
})

test('Any number of arguments arrives, none included', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  assert.equal(await pool.apply('argumentCount', []), 0)
  assert.equal(await pool.apply('argumentCount', [undefined, undefined]), 2)
  assert.equal(await pool.apply('argumentCount', new Array(1_000).fill(null)), 1_000)
})

test('An export that is not there is an error that names those that are', async (t) => {
  const pool = openPool(t, 'jobs')
  for (const name of ['nothing', 'version', 'toString', '__proto__', 'constructor']) {
    const error = await caromFailureOf(pool.apply(name, []), 'CAROM_EXPORT_UNKNOWN')
    assert.match(error.message, new RegExp(`"${name}"; it has: .*addLater`))
  }
})

test('The exports are no promise, and have no symbols', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  assert.equal(await pool.exports, pool.exports)
  assert.equal((pool.exports as { [Symbol.iterator]?: unknown })[Symbol.iterator], undefined)
})

test('A CommonJS module is served like any other', async (t) => {
  const pool = openPool<{ double(n: number): number }>(t, 'jobs', {
    module: fixture('common').href.replace(/js$/, 'cjs'),
  })
  assert.equal(await pool.exports.double(21), 42)
})

test('A module given as a path is taken from the working folder', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs', { module: fixture('jobs').pathname })
  assert.equal(await pool.exports.add(1, 1), 2)
})

test('Children get the environment and the flags they were given', async (t) => {
  const env = { ...process.env, CAROM_TEST: 'yes' }
  const pool = openPool<typeof Jobs>(t, 'jobs', { env, execArgv: ['--title=carom-test'] })
  const { environment, flags } = (await pool.apply('surroundings', [])) as ReturnType<typeof Jobs.surroundings>
  assert.equal(environment.CAROM_TEST, 'yes')
  assert.deepEqual(flags, ['--title=carom-test'])
})

test('Wrong options are refused at once, with the way out', () => {
  const module = fixture('jobs')
  const wrong = (options: object) => () => new Pool({ module, ...options } as ConstructorParameters<typeof Pool>[0])
  assert.throws(wrong({ size: 3 }), /Unknown pool option "size"; known are: module, processes/)
  assert.throws(wrong({ module: 3 }), TypeError)
  assert.throws(wrong({ module: '' }), TypeError)
  assert.throws(wrong({ processes: 0 }), RangeError)
  assert.throws(wrong({ processes: 1.5 }), RangeError)
  assert.throws(wrong({ maxPayloadBytes: 10 }), RangeError)
  assert.throws(wrong({ startTimeoutMs: 2 ** 31 }), /Cannot set startTimeoutMs to 2147483648/)
})

test('A function in the place of its name is refused by every kind of call, with the form of a module', async (t) => {
  const pool = openPool<Record<string, (...args: unknown[]) => unknown>>(t, 'jobs')
  const literal = ((n: number) => n * n) as unknown as string
  for (const call of [
    () => pool.apply(literal, [2]),
    async () => pool.applyAsync(literal, [2]),
    () => pool.map(literal, [2]),
    () => pool.starmap(literal, [[2]]),
    () => pool.imap(literal, [2]).next(),
    () => pool.imapUnordered(literal, [2]).next(),
    () => pool.istarmap(literal, [[2]]).next(),
    () => pool.stream(literal, [2]).next(),
  ]) {
    const error = await failureOf(call())
    assert.ok(error instanceof TypeError)
    assert.match(error.message, /"export function square\(n\) .*jobs\.js and call pool\.apply\('square', \[2\]\)/)
  }
  const wrong = (options: unknown) => () => new Pool(options as ConstructorParameters<typeof Pool>[0])
  for (const options of [literal, undefined, null, {}, { module: literal }]) {
    assert.throws(wrong(options), /^TypeError: A pool runs the exports of a module: \{ module: new URL/)
  }
  assert.equal(pool.stats().open, 0)
})

test('Arguments that are not in a list, and options of a wrong kind, are refused before a child hears of the call', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  const loose = pool.applyAsync.bind(pool) as (name: string, args?: unknown, options?: object) => unknown
  assert.throws(() => loose('pid'), /^TypeError: The arguments of "pid" have to be an array/)
  assert.throws(() => loose('add', 3), TypeError)
  for (const signal of [{}, null, new AbortController(), 'soon']) {
    assert.throws(() => loose('pid', [], { signal }), /^TypeError: Cannot set signal to .*: expected an AbortSignal$/)
  }
  assert.throws(() => loose('pid', [], { onProgress: 3 }), /^TypeError: Cannot set onProgress .*: expected a function$/)
  assert.equal(pool.stats().open, 0)
  assert.equal(await pool.exports.add(1, 2), 3)
})

test('An initializer argument that cannot be sent is refused before any process is started', () => {
  const before = childrenOf(process.pid).length
  assert.throws(() => new Pool({ module: fixture('jobs'), initializer: 'add', initArgs: [() => 1] }), /function/)
  assert.equal(childrenOf(process.pid).length, before)
})
