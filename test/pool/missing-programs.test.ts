/** Pools that have lost a program which their children are started with, as an upgrade of the system may do to them. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, linkSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findSetpriv } from '../../src/pool/parent/setpriv.ts'
import { fixture } from './real-pool.ts'

test('A job waits while Node is missing, and runs when it is back', async (t) => {
  const node = join(scratch(t), 'node')
  linkOrCopy(process.execPath, node)
  const { ran, ends } = await lose(node, { node, putBackAfter: 2 })
  assert.deepEqual([ran, ends.pop(), ends.length], [true, 'queued', 2])
  for (const end of ends) assert.match(String(end), /^(itself,.*No such file or directory|unstarted,ENOENT)/)
})

const setpriv = findSetpriv()

test('A setpriv that is gone is not needed: the child after the next is started without it', {
  skip: setpriv === null && 'there is no setpriv here that could be lost',
}, async (t) => {
  const file = join(scratch(t), 'setpriv')
  symlinkSync(setpriv as string, file)
  assert.deepEqual(await lose(file, { path: dirname(file), flags: '--no-addons' }), {
    ran: true,
    ends: [['unstarted', 'ENOENT']],
  })
})

async function lose(file: string, { node = process.execPath, path = process.env.PATH, putBackAfter = 0, flags = '' }) {
  const args = [fileURLToPath(fixture('missing-program-parent')), file, String(putBackAfter)]
  const { stdout } = await promisify(execFile)(node, args, {
    env: { ...process.env, PATH: path, NODE_OPTIONS: flags },
    timeout: 30_000,
  })
  return JSON.parse(stdout) as { ran: boolean; ends: unknown[] }
}

/** A link, since Node is large; its path is what Node takes for its own. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-programs-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
