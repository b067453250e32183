import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { DeathCertificate } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Starts from './fixtures/starts.ts'
import { caromFailureOf, fixture, openPool } from './real-pool.ts'

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
    const pool = openPool<typeof Starts>(t, 'starts', options)
    pool.on('childDown', (death) => deaths.push(death))
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

test('A TypeScript module that Node cannot read is refused with the way out', {
  skip: Boolean((process.features as { typescript?: unknown }).typescript) && 'this Node reads TypeScript',
}, async (t) => {
  const module = join(scratch(t), 'typed.ts')
  writeFileSync(module, 'export const one = (): number => 1')
  const error = await caromFailureOf(openPool(t, 'starts', { module }).whenStarted(), 'CAROM_CHILD_START')
  assert.match(
    error.message,
    /typed\.ts\. Node [\d.]+ reads no TypeScript: name the compiled JavaScript, or use Node 22/,
  )
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

test('A child of a pool whose parent has no descriptors left is a failed start, not a crash', async () => {
  const run = promisify(execFile)
  const script = fileURLToPath(fixture('no-descriptors'))
  const { stdout } = await run('/bin/sh', ['-c', `ulimit -n 64; exec "$0" "$1"`, process.execPath, script])
  assert.match(stdout, /^CAROM_CHILD_START .*EMFILE/)
})

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-failed-starts-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
