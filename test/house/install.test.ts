import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { loadScript, projectRoot, violationsOf, writeTree } from './fixture-tree.ts'

const { staleReason } = await loadScript<{ staleReason(folder: string): string | null }>('install.mjs')

const LOCK = {
  '': { name: 'x' },
  'node_modules/a': { version: '1.0.0', optionalDependencies: { 'a-darwin-arm64': '1.0.0' } },
  'node_modules/a-darwin-arm64': { version: '1.0.0', optional: true },
  'node_modules/a/node_modules/b': { version: '2.0.0' },
}

test('staleReason() is null when node_modules is what the lock file names', (t) => {
  const root = writeTree(t, lockFiles(LOCK, without(LOCK, 'node_modules/a-darwin-arm64')))
  assert.equal(staleReason(root), null)
})

test('staleReason() names what differs', (t) => {
  const root = writeTree(t, { 'package-lock.json': JSON.stringify({ packages: LOCK }) })
  assert.equal(staleReason(root), 'node_modules is missing')
  const reason = (installed: object) => staleReason(writeTree(t, lockFiles(LOCK, installed)))
  assert.equal(reason(without(LOCK, 'node_modules/a/node_modules/b')), 'b is not installed')
  assert.equal(reason({ ...LOCK, 'node_modules/a': { version: '0.9.0' } }), 'a is 0.9.0, locked is 1.0.0')
  assert.equal(reason({ ...LOCK, 'node_modules/c': { version: '1.0.0' } }), 'c is installed but not locked')
  const emptied = writeTree(t, lockFiles(LOCK, LOCK))
  rmSync(join(emptied, 'node_modules/a/node_modules'), { recursive: true })
  assert.equal(staleReason(emptied), 'node_modules/a/node_modules/b is gone')
})

test('check-lock finds binaries without an entry, and repair-lock.mjs adds them so that npm ci accepts the lock', async (t) => {
  const manifest = { name: 'x', version: '1.0.0', dependencies: { a: 'file:a' } }
  const a = { name: 'a', version: '1.0.0', optionalDependencies: { 'a-win32-x64': '1.0.0', 'a-aix-x64': '1.0.0' } }
  const packages = {
    '': manifest,
    a: { version: a.version, optionalDependencies: a.optionalDependencies },
    'node_modules/a': { resolved: 'a', link: true },
  }
  const files = {
    'package.json': JSON.stringify(manifest),
    'a/package.json': JSON.stringify(a),
    'package-lock.json': JSON.stringify({ name: 'x', version: '1.0.0', lockfileVersion: 3, requires: true, packages }),
  }
  assert.deepEqual(await violationsOf(t, 'lock', files), [
    'package-lock.json:1 a may need a-win32-x64@1.0.0, which has no entry, so `npm ci` fails',
    'package-lock.json:1 a may need a-aix-x64@1.0.0, which has no entry, so `npm ci` fails',
  ])
  const root = writeTree(t, files)
  cpSync(join(projectRoot, 'scripts'), join(root, 'scripts'), { recursive: true })
  const npmCi = () =>
    spawnSync('npm', ['ci', '--ignore-scripts', '--offline', '--no-audit'], { cwd: root, encoding: 'utf8' })
  assert.match(npmCi().stderr, /Missing: a-win32-x64/)
  const repair = spawnSync(process.execPath, ['scripts/repair-lock.mjs'], { cwd: root, encoding: 'utf8' })
  assert.equal(repair.status, 0, repair.stderr)
  const repaired = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: object }
  assert.deepEqual(Reflect.get(repaired.packages, 'node_modules/a-win32-x64'), {
    version: '1.0.0',
    optional: true,
    os: ['win32'],
    cpu: ['x64'],
  })
  const installed = npmCi()
  assert.equal(installed.status, 0, installed.stderr)
})

function lockFiles(locked: object, installed: object): Record<string, string> {
  const folders = Object.keys(installed).filter((path) => path !== '')
  return {
    'package-lock.json': JSON.stringify({ packages: locked }),
    'node_modules/.package-lock.json': JSON.stringify({ packages: without(installed, '') }),
    ...Object.fromEntries(folders.map((path) => [`${path}/package.json`, '{}'])),
  }
}

function without(packages: object, path: string): object {
  return Object.fromEntries(Object.entries(packages).filter(([key]) => key !== path))
}
