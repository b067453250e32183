import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { projectRoot, type Tree, writeTree } from './fixture-tree.ts'

/** Runs the linter with the project's rules and gives the names of those that were broken. */
function brokenRules(t: test.TestContext, files: Tree): string[] {
  const config = JSON.parse(readFileSync(join(projectRoot, 'biome.json'), 'utf8')) as object
  const rules = { ...config, $schema: undefined, vcs: undefined }
  const root = writeTree(t, { 'biome.json': JSON.stringify(rules), ...files })
  const biome = join(projectRoot, 'node_modules/@biomejs/biome/bin/biome')
  const { stdout } = spawnSync(process.execPath, [biome, 'lint', '--reporter=json', '.'], {
    cwd: root,
    encoding: 'utf8',
  })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { category: string; severity: string }[] }
  return [...new Set(diagnostics.map(({ category, severity }) => `${severity} ${category}`))].sort()
}

test('the linter refuses what the style guide forbids', (t) => {
  const long = `export function long(): void {\n${'  console.log(1)\n'.repeat(61)}}\n`
  const found = brokenRules(t, {
    'src/a.ts': 'export default function a(b: any): void {\n  void b\n}\n',
    'src/b.ts': long,
    'src/badName.ts': 'export const c = 1\n',
    'src/d.ts': 'async function d(): Promise<void> {}\nexport function e(): void {\n  d()\n}\n',
  })
  assert.deepEqual(found, [
    'error lint/complexity/noExcessiveLinesPerFunction',
    'error lint/nursery/noFloatingPromises',
    'error lint/style/noDefaultExport',
    'error lint/style/useFilenamingConvention',
    'error lint/suspicious/noExplicitAny',
  ])
})

test('the linter lets fixtures and the demo export a default, as user code does', (t) => {
  const text = 'export default function a(): void {}\n'
  assert.deepEqual(brokenRules(t, { 'test/app/fixtures/thumb.ts': text, 'demo/tasks.ts': text }), [])
})
