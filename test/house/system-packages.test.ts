import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { loadScript, projectRoot } from './fixture-tree.ts'

interface SystemPackage {
  readonly package: string
  readonly command: string
  /** Of a package for Python. */
  readonly module?: string
  readonly usedBy: string
}

const { SYSTEM_PACKAGES, skipNotice } = await loadScript<{
  readonly SYSTEM_PACKAGES: readonly SystemPackage[]
  skipNotice(missing: readonly string[]): string
}>('system-packages.mjs')

test('every system package is one that the named test runs', () => {
  for (const { package: name, command, module, usedBy } of SYSTEM_PACKAGES) {
    const text = readFileSync(join(projectRoot, usedBy), 'utf8')
    assert.ok(
      text.includes(module ?? `'${command}'`),
      `${usedBy} does not use ${module ?? command} of the package ${name}`,
    )
    assert.ok(module === undefined || text.includes(`'${name}'`), `${usedBy} does not skip what needs ${name}`)
  }
})

test('skipNotice() is loud and names the command', () => {
  assert.match(
    skipNotice(['a', 'b']),
    /Tests that need a, b are SKIPPED.*(?:install -y --no-install-recommends a b|package manager)/,
  )
})
