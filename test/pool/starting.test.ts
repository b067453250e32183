import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Starts from './fixtures/starts.ts'
import type * as Waiting from './fixtures/waiting.ts'
import { caromFailureOf, fixture, openPool, readyPids, startedPids } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'

test('The initializer gets its arguments, is awaited, and runs once in every child', async (t) => {
  const options = { initializer: 'remember', initArgs: [1, { two: [2] }], processes: 2 }
  const pool = openPool<typeof Starts>(t, 'starts', options)
  await readyPids(pool, 2)
  for (const said of await Promise.all([pool.exports.remembered(), pool.exports.remembered()])) {
    assert.deepEqual(said, { given: [1, { two: [2] }], calls: 1 })
  }
})

test('A child that is late to start is waited for, and the jobs with it', async (t) => {
  const file = join(scratch(t), 'go')
  const pool = openPool<typeof Starts>(t, 'starts', { initializer: 'refuseUnless', initArgs: [file] })
  const early = pool.exports.pid()
  await until(() => pool.stats().startFailures >= 1, { what: 'a start has failed' })
  writeFileSync(file, '')
  assert.equal(await early, await pool.exports.pid())
  assert.equal(pool.stats().startFailures, 0)
})

test('However long an initializer takes, jobs wait for it in the queue, and their clocks do not run', async (t) => {
  const file = join(scratch(t), 'go')
  const limits = { acceptTimeoutMs: 200, timeLimitMs: 500 }
  const options = { initializer: 'waitFor', initArgs: [file], processes: 2, ...limits }
  const pool = openPool<typeof Waiting>(t, 'waiting', options)
  const pids = await startedPids(pool, 2)
  const job = pool.applyAsync('waitIf', [null])
  await until(() => pool.stats().children.every(({ ageMs }) => ageMs > 1_000), { what: 'a second has gone by' })
  assert.equal(job.state, 'queued')
  writeFileSync(file, '')
  assert.ok(pids.includes(await job.result))
  assert.deepEqual([await readyPids(pool, 2), pool.stats().startFailures], [pids, 0])
})

test('A child that hangs on its start is replaced, and costs no job', async (t) => {
  const file = join(scratch(t), 'hung')
  const pool = openPool<typeof Starts>(t, 'starts', {
    initializer: 'hangOnce',
    initArgs: [file],
    startTimeoutMs: 1_500,
  })
  assert.equal(typeof (await pool.exports.pid()), 'number')
})

test('An initializer may ask the owner of the pool', async (t) => {
  const answer = async (name: string, value: unknown) => `${name} for ${value}`
  const pool = openPool<typeof Starts>(t, 'starts', { initializer: 'askOnStart', answer })
  assert.deepEqual((await pool.exports.remembered()).given, ['greeting for child'])
})

test('A module that makes a pool of itself is stopped in its first child', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(fixture('own-pool'))])
  assert.match(stdout, /creates a pool of itself when a child loads it, without end: put the functions in a module/)
})

test("A script given to node as text is not run again in the pool's children", async () => {
  const script = `
    const { Pool } = await import(${JSON.stringify(new URL('../../src/pool/index.js', import.meta.url).href)})
    const pool = new Pool({ module: ${JSON.stringify(fixture('jobs').href)}, processes: 1, startMethod: '${START_METHOD}' })
    console.log(await pool.apply('add', [20, 22]), (await pool.apply('surroundings', [])).flags.join())
    await pool.close()`
  const flags = ['--stack-trace-limit=9', '--test-reporter', 'spec', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, flags)
  assert.equal(stdout, '42 --stack-trace-limit=9\n')
})

test('whenStarted() of a pool that is closed before a child is ready rejects', async (t) => {
  const pool = new Pool({ module: fixture('starts'), initializer: 'hang', processes: 1, startMethod: START_METHOD })
  t.after(() => pool.terminate())
  const started = caromFailureOf(pool.whenStarted(), 'CAROM_POOL_CLOSED')
  await pool.close()
  await started
})

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-starting-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
