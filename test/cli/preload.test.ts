/** `carom worker --start-method fork --preload`: what it names is loaded once, before the children are forked. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findAddon } from '../../src/native/addon.ts'
import { answer, carom, jsonError, ownerOf, project, startedWorker } from './cli-process.ts'

const found = findAddon()
const skip = found.addon === null ? found.reason : false
const INDEX = fileURLToPath(new URL('../../src/index.js', import.meta.url))

/** A task tells which process has loaded `first.js` and `second.js`, and which one it runs in. */
const APP = `import { Carom } from ${JSON.stringify(INDEX)}
  const app = new Carom('preloading')
  app.task('preloading.loaders', () => ({ loaders: globalThis.loaders ?? [], pid: process.pid, parent: process.ppid }))
  export { app }`

/** A project with that app, and two modules that write down in memory who loads them. */
function folderOf(t: TestContext): string {
  const folder = project(ownerOf(t))
  writeFileSync(join(folder, 'app.js'), APP)
  for (const name of ['first', 'second']) {
    writeFileSync(join(folder, `${name}.js`), `(globalThis.loaders ??= []).push('${name} ' + process.pid)`)
  }
  return folder
}

const WORKER = ['--app', './app.js', '--concurrency', '1', '--max-tasks-per-child', '1']
const PRELOAD = ['--preload', './first.js,./second.js']
const CALL = ['call', 'preloading.loaders', '--app', './app.js', '--wait']

test('--preload with --start-method fork: one process loads the modules for all children', { skip }, async (t) => {
  const cwd = folderOf(t)
  const worker = await startedWorker(ownerOf(t), [...WORKER, '--start-method', 'fork', ...PRELOAD], { cwd })
  const told = [await answer(CALL, { cwd }), await answer(CALL, { cwd })].map(({ result }) => result)
  const [{ pid, parent }, next] = told
  assert.notEqual(next.pid, pid, 'each in a child of its own')
  assert.ok(![pid, worker.process.pid].includes(parent), 'forked by a server between child and worker')
  for (const { loaders } of told) assert.deepEqual(loaders, [`first ${parent}`, `second ${parent}`])
})

test('--preload is not used where children are spawned', async (t) => {
  const cwd = folderOf(t)
  const worker = await startedWorker(ownerOf(t), [...WORKER, '--start-method', 'spawn', ...PRELOAD], { cwd })
  const { result } = await answer(CALL, { cwd })
  assert.deepEqual([result.loaders, result.parent], [[], worker.process.pid])
})

test('A module to preload that is not there ends the worker, and is named in every line', { skip }, async (t) => {
  const cwd = folderOf(t)
  const words = ['worker', ...WORKER, '--start-method', 'fork', '--preload', './first.js,./nowhere.js']
  const ended = await carom([...words, '--log-format', 'json'], { cwd })
  const { code, message } = jsonError(ended)
  assert.deepEqual([ended.code, code], [5, 'CAROM_CHILD_START'])
  const why = /: Error: Cannot find module '\S+\/nowhere\.js' .*\(when \S+\/nowhere\.js was preloaded\)$/
  assert.match(message, why)
  const log = ended.stderr.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  const warnings = log.filter(({ level }) => level === 'warn').map(({ msg }) => msg)
  assert.equal(warnings.length, 3, ended.stderr)
  for (const text of warnings) {
    assert.match(text, why)
    assert.match(text, /^A child is gone \(it could not be started\)/)
  }
})
