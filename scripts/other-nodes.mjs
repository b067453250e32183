// The other Node that tests run something with, from an npm package that is Node's own binary and nothing else. It is
// kept out of package.json: its package can be installed on its own platform only.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps.mjs'

const VERSION = '24.21.0'
const PACKAGE = `node-linux-${process.arch}`
const FOLDER = join(root, '.nodes', VERSION)

/** Tests read it: the path of the other Node. */
export const NODE_VARIABLE = 'CAROM_TEST_OTHER_NODE'

/** The path of the other Node, or `undefined` where it is not installed. */
export function otherNode() {
  const path = join(FOLDER, 'node_modules', PACKAGE, 'bin', 'node')
  return existsSync(path) ? path : undefined
}

/** Installs it once; a failure costs the tests that need it, which say so. */
export function ensureOtherNode() {
  if (otherNode() !== undefined) return console.log(`Node ${VERSION} is here`)
  const args = ['install', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund', `${PACKAGE}@${VERSION}`]
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status === 0 && otherNode() !== undefined)
    return console.log(`Installed Node ${VERSION} for the tests that need two`)
  console.log(`!! Tests that need two versions of Node are SKIPPED: npm install ${PACKAGE}@${VERSION} failed`)
}
