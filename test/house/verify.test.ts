import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { loadScript, projectRoot, writeTree } from './fixture-tree.ts'

interface Machine {
  readonly platform: string
  readonly version: string
  readonly engines: string
}

const { refusal } = await loadScript<{ refusal(machine: Machine): string | null }>('machine.mjs')

test('refusal() knows the oldest Node and the platforms', () => {
  const on = (platform: string, version: string) => refusal({ platform, version, engines: '>=20.19' })
  assert.equal(on('linux', 'v20.19.0'), null)
  assert.equal(on('darwin', 'v24.1.0'), null)
  assert.equal(on('linux', 'v20.18.3'), 'Node 20.19 or newer is needed, this is v20.18.3')
  assert.equal(on('linux', 'v18.20.1'), 'Node 20.19 or newer is needed, this is v18.20.1')
  assert.equal(on('win32', 'v24.1.0'), 'Carom does not run on Windows: use Linux, macOS or WSL')
})

test('npm run verify prints a headline and the time of each step, and stops at the first failure', (t) => {
  const root = writeTree(t, {
    'package.json': JSON.stringify({ type: 'module', engines: { node: '>=20.19' } }),
    'package-lock.json': JSON.stringify({ packages: {} }),
    'src/support/ids.ts': '// FIXME: half done\nexport const id = 1\n',
    'biome.json': '{}',
    'node_modules/.package-lock.json': JSON.stringify({ packages: {} }),
  })
  cpSync(join(projectRoot, 'scripts'), join(root, 'scripts'), { recursive: true })
  for (const name of ['@biomejs', 'typescript', '@typescript']) {
    symlinkSync(join(projectRoot, 'node_modules', name), join(root, 'node_modules', name))
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/verify.mjs'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 1)
  const headlines = stdout.match(/^== .*/gm)?.map((line) => line.replace(/[\d.]+ s$/, 'N s'))
  assert.deepEqual(headlines, [
    '== System packages',
    '== System packages: N s',
    '== npm packages',
    '== npm packages: N s',
    '== Check',
  ])
  assert.match(stdout, /^✖ words \([\d.]+ s\)\n {2}src\/support\/ids\.ts:1 a note to oneself: FIXME: do it/m)
  assert.match(stdout, /^✔ size \([\d.]+ s\)$/m)
  assert.match(stderr, /Failed: .*words/)
})
