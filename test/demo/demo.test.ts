import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { listFiles } from '../../demo/files.ts'

const DEMO = fileURLToPath(new URL('../../demo/main.js', import.meta.url))

function folderOf(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-demo-test-'))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

function demo(folder: string) {
  return spawnSync(process.execPath, [DEMO, folder], { encoding: 'utf8', timeout: 45_000 })
}

test('the demo settles every file of a folder, though a child and the worker are killed, and proves it', (t) => {
  const files = Array.from({ length: 300 }, (_, index) => [
    `part ${index % 7}/file ${index}.txt`,
    `${index}\n`.repeat(9_000),
  ])
  const folder = folderOf({
    ...Object.fromEntries(files),
    'empty.txt': '',
    'back\\slash and\nnewline.txt': 'x',
    'binary.bin': Buffer.alloc(3_000_000, 1),
  })
  symlinkSync(folder, join(folder, 'loop'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { status, stdout, stderr } = demo(folder)
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout, /^files +303$/m)
  assert.match(stdout, /^deaths +a child \(pid \d+, SIGKILL\), the worker \(pid \d+, SIGKILL\)$/m)
  assert.match(stdout, /^digests +25 compared with sha256sum$/m)
  assert.match(stdout, /Everything sent was settled\./)
})

test('the demo refuses an empty folder, and one that does not exist, and says what to do', (t) => {
  const folder = folderOf({})
  t.after(() => rmSync(folder, { recursive: true }))
  const empty = demo(folder)
  assert.equal(empty.status, 2)
  assert.match(empty.stderr, /holds no files.*npm run demo -- FOLDER/)
  const missing = demo(join(folder, 'nowhere'))
  assert.equal(missing.status, 2)
  assert.match(missing.stderr, /There is no folder/)
})

test('the demo takes as many files of a huge folder as it may, and says that there are more', (t) => {
  const folder = folderOf({ 'a/1': '1', 'a/2': '22', 'b/c/3': '333', '4': '4444' })
  t.after(() => rmSync(folder, { recursive: true }))
  const cut = listFiles(folder, 3)
  assert.equal(cut.paths.length, 3)
  assert.equal(cut.cut, true)
  const whole = listFiles(folder, 4)
  assert.deepEqual([whole.paths.length, whole.bytes, whole.cut], [4, 10, false])
})
