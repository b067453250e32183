import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type DeathCertificate, Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Starts from './fixtures/starts.ts'
import { caromFailureOf, fixture, openPool, readyPids } from './real-pool.ts'

test('The initializer gets its arguments, is awaited, and runs once in every child', async (t) => {
  const options = { initializer: 'remember', initArgs: [1, { two: [2] }], processes: 2 }
  const pool = openPool<typeof Starts>(t, 'starts', options)
  await readyPids(pool, 2)
  for (const said of await Promise.all([pool.exports.remembered(), pool.exports.remembered()])) {
    assert.deepEqual(said, { given: [1, { two: [2] }], calls: 1 })
  }
})

for (const [what, options, why] of [
  ['an initializer that throws', { initializer: 'refuse' }, /Error: no licence/],
  ['an initializer that ends the process', { initializer: 'leave' }, /ended with exit code 9/],
  [
    'an initializer that hangs',
    { initializer: 'hang', startTimeoutMs: 400 },
    /killed by SIGKILL \(the pool ended it\)/,
  ],
  [
    'an initializer that spins',
    { initializer: 'spin', startTimeoutMs: 400 },
    /killed by SIGKILL \(the pool ended it\)/,
  ],
  ['an initializer that is not there', { initializer: 'nothing' }, /no function "nothing"/],
  ['a module that throws', { module: fixture('throws') }, /does not like this machine/],
  ['a module that is not there', { module: fixture('nowhere') }, /Cannot find module/],
  ['a folder as module', { module: fixture('nowhere').href.replace('nowhere.js', '') }, /Error/],
  ['flags that Node does not know', { execArgv: ['--no-such-flag'] }, /bad option/],
] as const) {
  test(`A pool with ${what} gives up after a few starts, says why, and settles what it has`, async (t) => {
    const deaths: DeathCertificate[] = []
    const onChildDown = (death: DeathCertificate) => deaths.push(death)
    const pool = openPool<typeof Starts>(t, 'starts', { ...options, onChildDown })
    const waiting = pool.exports.pid()
    const error = await caromFailureOf(pool.whenStarted(), 'CAROM_CHILD_START')
    assert.match(error.message, why)
    assert.match((await caromFailureOf(waiting, 'CAROM_CHILD_START')).message, why)
    assert.match((await caromFailureOf(pool.exports.pid(), 'CAROM_CHILD_START')).message, why)
    await pool.close()
    assert.equal(pool.stats().phase, 'ended')
    assert.deepEqual(new Set(deaths.map(({ phase }) => phase)), new Set(['starting']))
    assert.equal(deaths.length, 3)
  })
}

test('A child that is late to start is waited for, and the jobs with it', async (t) => {
  const file = join(scratch(t), 'go')
  const pool = openPool<typeof Starts>(t, 'starts', { initializer: 'refuseUnless', initArgs: [file] })
  const early = pool.exports.pid()
  await until(() => pool.stats().startFailures >= 1, { what: 'a start has failed' })
  writeFileSync(file, '')
  assert.equal(await early, await pool.exports.pid())
  assert.equal(pool.stats().startFailures, 0)
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

test('Once it was up, a pool that cannot start children goes on trying, ever more slowly', async (t) => {
  const folder = scratch(t)
  const file = join(folder, 'go')
  writeFileSync(file, '')
  const pool = openPool<typeof Starts>(t, 'starts', { initializer: 'refuseUnless', initArgs: [file] })
  const pid = await pool.exports.pid()
  rmSync(file)
  process.kill(pid, 'SIGKILL')
  await until(() => pool.stats().startFailures >= 4, { withinMs: 10_000, what: 'four starts have failed' })
  const waiting = pool.applyAsync('pid', [])
  assert.equal(waiting.state, 'queued')
  writeFileSync(file, '')
  assert.notEqual(await waiting.result, pid)
})

test('A closing pool that cannot start children any more does not wait for ever', async (t) => {
  const file = join(scratch(t), 'go')
  writeFileSync(file, '')
  const pool = openPool<typeof Starts>(t, 'starts', { initializer: 'refuseUnless', initArgs: [file] })
  const pid = await pool.exports.pid()
  rmSync(file)
  process.kill(pid, 'SIGKILL')
  await until(() => pool.stats().startFailures >= 1, { what: 'a start has failed' })
  const waiting = caromFailureOf(pool.exports.pid(), 'CAROM_CHILD_START')
  await pool.close()
  assert.match((await waiting).message, /not yet/)
})

test('An initializer may ask the owner of the pool', async (t) => {
  const answer = async (name: string, value: unknown) => `${name} for ${value}`
  const pool = openPool<typeof Starts>(t, 'starts', { initializer: 'askOnStart', answer })
  assert.deepEqual((await pool.exports.remembered()).given, ['greeting for child'])
})

test('A child of a pool whose parent has no descriptors left is a failed start, not a crash', async () => {
  const run = promisify(execFile)
  const script = fileURLToPath(fixture('no-descriptors'))
  const { stdout } = await run('/bin/sh', ['-c', `ulimit -n 64; exec "$0" "$1"`, process.execPath, script])
  assert.match(stdout, /^CAROM_CHILD_START .*EMFILE/)
})

test('A module that makes a pool of itself is stopped in its first child', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(fixture('own-pool'))])
  assert.match(stdout, /creates a pool of itself when a child loads it, without end: put the functions in a module/)
})

test("A script given to node as text is not run again in the pool's children", async () => {
  const script = `
    const { Pool } = await import(${JSON.stringify(new URL('../../src/pool/index.js', import.meta.url).href)})
    const pool = new Pool({ module: ${JSON.stringify(fixture('jobs').href)}, processes: 1 })
    console.log(await pool.apply('add', [20, 22]), (await pool.apply('surroundings', [])).flags.join())
    await pool.close()`
  const flags = ['--stack-trace-limit=9', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, flags)
  assert.equal(stdout, '42 --stack-trace-limit=9\n')
})

test('whenStarted() of a pool that is closed before a child is ready rejects', async (t) => {
  const pool = new Pool({ module: fixture('starts'), initializer: 'hang', processes: 1 })
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
