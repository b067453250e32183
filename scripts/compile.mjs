// The two compilations: dist/, which is published, and build/, which is tested.
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildAddon, layAddon } from './native.mjs'
import { root, run } from './steps.mjs'

/** The published code: dist/ with declarations. */
export function buildPackage() {
  compile('tsconfig.build.json', 'dist')
  buildAddon()
  layAddon('dist')
  const program = join(root, 'dist/cli/main.js')
  if (existsSync(program)) chmodSync(program, 0o755)
}

/** The code under test: build/ with src, test, bench and demo side by side. */
export function buildTests() {
  compile('tsconfig.json', 'build')
  buildAddon()
  layAddon('build/src')
}

/** The output is removed first: a file whose source is gone must not be tested or published. */
function compile(project, output) {
  rmSync(join(root, output), { recursive: true, force: true })
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project])
}
