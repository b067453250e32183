/** Where the system refuses what a fork needs: one clear line, spawned children where that may be, and no job is lost. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { skip as whyNoFork } from './fork-support.ts'
import { fixture } from './real-pool.ts'

const PARENT = fileURLToPath(fixture('denied-parent'))
const REFUSALS = [
  ['fork', 'EAGAIN', 'Cannot fork: Resource temporarily unavailable'],
  ['fork', 'ENOMEM', 'Cannot fork: Cannot allocate memory'],
  ['madvise', 'EPERM', 'Cannot share the heap with a child: Operation not permitted'],
  ['prctl', 'EPERM', 'Cannot ask for a parent-death signal: Operation not permitted'],
] as const

for (const [call, code, why] of REFUSALS) {
  const skip = whyNoFork || whyNoCompiler()
  test(`Where ${call}() fails with ${code}, fork says so, and auto spawns with one warning`, { skip }, async (t) => {
    const folder = scratch(t)
    const env = { LD_PRELOAD: refusing(folder), DENIED: call, DENIED_ERRNO: String(constants.errno[code]) }
    await expectSpawned(folder, (method) => run([process.execPath, PARENT, method, JSON.stringify(env)], folder), why)
  })
}

test('Without /proc fork says so, and auto spawns with one warning', {
  skip: whyNoFork || whyNoMounts(),
}, async (t) => {
  const folder = scratch(t)
  const hidden = (method: string) =>
    run(
      ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$0" "$@"', process.execPath, PARENT, method],
      folder,
    )
  await expectSpawned(folder, hidden, 'Cannot list the threads of this process: No such file or directory')
})

/** Also where it worked the last time, so that nothing is tried before. */
async function expectSpawned(folder: string, script: (method: string) => Promise<Seen>, why: string): Promise<void> {
  const forked = await script('fork')
  assert.ok(String(forked.sum).endsWith(why), String(forked.sum))
  const untried = await script('auto')
  assert.deepEqual(
    readdirSync(folder).filter((name) => name === 'carom'),
    [],
    'a refusal is not kept',
  )
  const worked = await run([process.execPath, PARENT, 'auto'], folder)
  assert.deepEqual(worked, { sum: 3, methods: ['fork'], warnings: [] })
  for (const seen of [untried, await script('auto')]) {
    const warnings = [`Children are spawned, since they cannot be forked here: ${why}`]
    assert.deepEqual(seen, { sum: 3, methods: ['spawn'], warnings })
  }
}

interface Seen {
  readonly sum: unknown
  readonly methods: readonly string[]
  readonly warnings: readonly string[]
}

/** The only other thing on stderr are the warnings themselves. */
async function run([program, ...args]: string[], cache: string): Promise<Seen> {
  const env = { ...process.env, XDG_CACHE_HOME: cache, NODE_NO_WARNINGS: '1' }
  const { stdout, stderr } = await promisify(execFile)(program as string, args, { env, timeout: 50_000 })
  assert.equal(stderr, '')
  return JSON.parse(stdout) as Seen
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-denied-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function refusing(folder: string): string {
  const library = join(folder, 'denied.so')
  const source = fileURLToPath(new URL('../../../test/pool/fixtures/denied.c', import.meta.url))
  const { status, stderr } = spawnSync(compiler(), ['-shared', '-fPIC', '-o', library, source, '-ldl'])
  assert.equal(status, 0, String(stderr))
  return library
}

function compiler(): string {
  return process.env.CC ?? 'cc'
}

function whyNoCompiler(): string | false {
  return spawnSync(compiler(), ['--version']).status === 0 ? false : 'there is no C compiler'
}

function whyNoMounts(): string | false {
  const tried = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/proc'])
  return tried.status === 0 ? false : 'nothing can be mounted here'
}
