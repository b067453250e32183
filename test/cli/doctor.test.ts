import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findAddon } from '../../src/native/addon.ts'
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
  assert.deepEqual([...found.keys()], ['Node', 'system', 'addon', 'fork', 'setpriv'])
  assert.equal(found.get('Node')?.detail, process.versions.node)
  assert.equal(found.get('addon')?.state, findAddon().addon === null ? 'limited' : 'ok')
})

test('doctor says what is missing and what that costs, and ends with 0 all the same', async () => {
  const found = await findings({ NODE_OPTIONS: '--no-addons', PATH: '/nowhere' })
  for (const what of ['addon', 'fork', 'setpriv']) assert.equal(found.get(what)?.state, 'limited', what)
  assert.match(found.get('addon')?.detail ?? '', /cannot be loaded: .*; children are asked/)
  const { stdout } = await carom(['doctor'], { cwd: '.' })
  assert.match(stdout, /^CHECK +STATE +DETAIL\nNode +ok +\d+\./)
})
