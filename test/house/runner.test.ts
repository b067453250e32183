import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { until } from '../support/wait.ts'
import { loadScript, projectRoot, type Tree, writeTree } from './fixture-tree.ts'

interface FileResult {
  readonly output: string
  readonly problems: readonly string[]
  readonly passed: number
  readonly failed: number
  readonly skipped: readonly string[]
}

type RunTestFile = (file: string, options: { timeoutMs: number; env: object }) => Promise<FileResult>

const { runTestFile } = await loadScript<{ runTestFile: RunTestFile }>('test-file.mjs')

const IMPORTS = "import test from 'node:test'\nimport { spawn } from 'node:child_process'\n"

function runText(t: test.TestContext, text: string, timeoutMs = 20_000): Promise<FileResult> {
  const root = writeTree(t, { 'a.test.mjs': IMPORTS + text })
  return runTestFile(join(root, 'a.test.mjs'), { timeoutMs, env: { CAROM_TEST_SKIP_SYSTEM: 'x' } })
}

test('runTestFile() counts the tests of a file and hands it the environment', async (t) => {
  const text = `test('a', () => { if (process.env.CAROM_TEST_SKIP_SYSTEM !== 'x') throw 1 })
    test('b', { skip: 'no reason' }, () => {})
    test('c', (t) => t.diagnostic('seed 7'))`
  const { passed, failed, skipped, problems, output } = await runText(t, text)
  assert.deepEqual(
    { passed, failed, skipped, problems },
    { passed: 2, failed: 0, skipped: ['b: no reason'], problems: [] },
  )
  assert.match(output, /✔ a[\s\S]*seed 7/)
  assert.doesNotMatch(output, /duration_ms \d/)
})

test('runTestFile() reports failures, files that do not load, have no tests or end too early', async (t) => {
  assert.deepEqual((await runText(t, "test('a', () => { throw new Error('no') })")).problems, ['1 failed'])
  assert.deepEqual((await runText(t, "import './gone.mjs'")).problems, ['ended with exit code 1 and no test results'])
  assert.deepEqual((await runText(t, '')).problems, ['ended with exit code 0 and no test results'])
  const exit = "test('a', () => process.exit(0))"
  assert.deepEqual((await runText(t, exit)).problems, ['ended with exit code 0 and no test results'])
})

test('runTestFile() kills a file that hangs and ignores SIGTERM, with what it started', async (t) => {
  const text = `process.on('SIGTERM', () => {})
    test('a', () => new Promise(() => {
      const child = spawn('sleep', ['1000'], { detached: true })
      console.log('child ' + child.pid)
      setInterval(() => {}, 1000)
    }))`
  const { problems, output } = await runText(t, text, 2_500)
  assert.deepEqual(problems, ['was killed after 2.5 s while it ran: "a"'])
  const pid = Number(/child (\d+)/.exec(output)?.[1])
  assert.ok(pid > 0, output)
  await until(() => hasEnded(pid), { what: 'the child of the hanging test has ended' })
})

test('runTestFile() fails a file that leaves a process behind, and ends that process', async (t) => {
  const text = `test('a', () => {
      const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
      child.unref()
      console.log('child ' + child.pid)
    })`
  const { problems, output } = await runText(t, text)
  const pid = Number(/child (\d+)/.exec(output)?.[1])
  assert.deepEqual(problems, [`left processes behind: ${pid} (sleep 1000)`])
  await until(() => hasEnded(pid), { what: 'the process that was left has ended' })
})

const PROJECT: Tree = {
  'tsconfig.json': readFileSync(join(projectRoot, 'tsconfig.json'), 'utf8'),
  'tsconfig.build.json': readFileSync(join(projectRoot, 'tsconfig.build.json'), 'utf8'),
  'package.json': '{ "type": "module" }',
  'package-lock.json': readFileSync(join(projectRoot, 'package-lock.json'), 'utf8'),
  'src/index.ts': 'export const one: number = 1\n',
  'test/app/one.types.ts':
    "import { one } from '../../src/index.ts'\n// @ts-expect-error a number\nexport const text: string = one\n",
  'test/app/one.test.ts': "import test from 'node:test'\ntest('one', () => {})\n",
  'test/pool/two.test.ts': "import test from 'node:test'\ntest('two', () => { throw new Error('two') })\n",
}

function npmTest(t: test.TestContext, changes: Tree, ...args: string[]): { status: number | null; output: string } {
  const root = writeTree(t, { ...PROJECT, ...changes })
  cpSync(join(projectRoot, 'scripts'), join(root, 'scripts'), { recursive: true })
  // Its entries are this project's files, not those of the tree.
  writeFileSync(join(root, 'scripts/slow-tests.json'), '{}')
  if (!('no-packages' in changes)) symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/test.mjs', ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}

test('npm test runs every file and fails when one fails', (t) => {
  const { status, output } = npmTest(t, {})
  assert.equal(status, 1)
  assert.match(output, /Type tests: 1 files compiled, 1 wrong uses refused/)
  assert.match(output, /1 passed, 1 failed, 0 skipped in 2 files/)
  assert.match(output, /Failed files:\n {2}test\/pool\/two\.test\.ts 1 failed\n/)
})

test('npm test -- ROOM and --file choose, and name the rooms when nothing fits', (t) => {
  const { status, output } = npmTest(t, {}, 'app', '--file', 'one')
  assert.equal(status, 0, output)
  assert.match(output, /1 passed, 0 failed, 0 skipped in 1 files/)
  assert.match(npmTest(t, {}, '--file', 'three').output, /No test file has "three" in its path/)
  assert.match(npmTest(t, {}, 'nowhere').output, /No tests in the room "nowhere". Rooms: app, pool/)
})

test('npm test fails when a wrong use compiles', (t) => {
  const types = "import { one } from '../../src/index.ts'\n// @ts-expect-error\nexport const number: number = one\n"
  const { status, output } = npmTest(t, { 'test/app/one.types.ts': types })
  assert.equal(status, 1)
  assert.match(output, /one\.types\.ts.*Unused '@ts-expect-error' directive/)
})

test('npm test installs nothing and names the command that does', (t) => {
  const { status, output } = npmTest(t, { 'no-packages': '' })
  assert.equal(status, 1)
  assert.match(output, /node_modules is missing\): run npm run verify\n$/)
})

function hasEnded(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return true
  }
}
