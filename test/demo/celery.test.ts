import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { noCelery } from '../interop/python.ts'
import { noRedis } from '../support/redis-server.ts'

const DEMO = fileURLToPath(new URL('../../demo/celery/main.js', import.meta.url))
// The compiled test lies in build/, scripts in the sources.
const SCRIPT = fileURLToPath(new URL('../../../scripts/demo.mjs', import.meta.url))

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-demo-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('the demo with Celery settles every call, though a child, the worker and Redis are killed, and proves it', {
  skip: noRedis || noCelery,
}, (t) => {
  const folder = folderFor(t)
  for (let index = 0; index < 200; index++) {
    mkdirSync(join(folder, `part ${index % 7}`), { recursive: true })
    writeFileSync(join(folder, `part ${index % 7}`, `file ${index}.txt`), `${index} words ü\n`.repeat(9_000))
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO, folder], { encoding: 'utf8', timeout: 50_000 })
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /^Python called +200 TypeScript tasks, 0 of which failed, and read their results$/m)
  // Three words to a line, 9,000 lines to a file; the first hundred files and the last.
  assert.match(stdout, /^TypeScript called 200 Python tasks, which counted 5400000 words$/m)
  const deaths = ['a child', 'the worker', 'Redis'].map((what) => `${what} \\(pid \\d+, SIGKILL\\)`).join(', ')
  assert.match(stdout, new RegExp(`^deaths +${deaths}$`, 'm'))
  assert.match(stdout, /^digests +25 compared with sha256sum$/m)
  assert.match(stdout, /Everything sent was settled\./)
})

test('the demo with Celery refuses an empty folder, and says what to do', { skip: noRedis || noCelery }, (t) => {
  const { status, stderr } = spawnSync(process.execPath, [DEMO, folderFor(t)], { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.match(stderr, /holds no files.*npm run demo:celery -- FOLDER/)
})

test('where its packages are missing and cannot be installed, the demo with Celery names them', (t) => {
  const folder = folderFor(t)
  // Nothing but a shell to look with: no redis-server, and nothing that could install one.
  symlinkSync('/bin/sh', join(folder, 'sh'))
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, '--celery'], {
    encoding: 'utf8',
    env: { PATH: folder },
  })
  assert.equal(status, 1)
  assert.match(stderr, /^\nnpm run demo:celery needs redis-server.*\. Install it by: /)
})
