import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findAddon } from '../../src/native/addon.ts'
import { findSetpriv } from '../../src/pool/parent/setpriv.ts'
import { carom } from './cli-process.ts'

interface Finding {
  readonly what: string
  readonly state: string
  readonly detail: string
}

async function findings(env: NodeJS.ProcessEnv = {}): Promise<Map<string, Finding>> {
  const { code, stdout, stderr } = await carom(['doctor', '--json'], { cwd: '.', env })
  assert.equal(code, 0, stderr)
  return new Map((JSON.parse(stdout) as Finding[]).map((finding) => [finding.what, finding]))
}

test('doctor tells of each thing whether it is there', async () => {
  const found = await findings()
  assert.deepEqual([...found.keys()], ['Node', 'system', 'addon', 'fork', 'parent death'])
  assert.equal(found.get('Node')?.detail, process.versions.node)
  assert.equal(found.get('addon')?.state, findAddon().addon === null ? 'limited' : 'ok')
})

test('doctor says what is missing and what that costs, and ends with 0 all the same', async () => {
  const found = await findings({ NODE_OPTIONS: '--no-addons', PATH: '/nowhere' })
  for (const what of ['addon', 'fork', 'parent death']) assert.equal(found.get(what)?.state, 'limited', what)
  assert.match(found.get('addon')?.detail ?? '', /cannot be loaded: .*; children are asked/)
  const withSetpriv = await findings({ NODE_OPTIONS: '--no-addons' })
  if (findSetpriv() !== null)
    assert.match(withSetpriv.get('parent death')?.detail ?? '', /with its parent, by \/.*setpriv$/)
  const { stdout } = await carom(['doctor'], { cwd: '.' })
  assert.match(stdout, /^CHECK +STATE +DETAIL\nNode +ok +\d+\./)
})

test('doctor ends with 1 where Carom does not work, and has said why', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'carom-doctor-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const old = join(folder, 'old.cjs')
  writeFileSync(old, "Object.defineProperty(process.versions, 'node', { value: '18.1.0' })")
  const { code, stdout, stderr } = await carom(['doctor'], { cwd: '.', env: { NODE_OPTIONS: `--require ${old}` } })
  assert.deepEqual([code, stderr], [1, ''])
  assert.match(stdout, /\nNode +broken +18\.1\.0: Carom needs 20\.19 or newer\n/)
})
