// The other versions of Node that tests run with, from npm packages that are Node's own binaries and nothing else. They
// are kept out of package.json: such a package can be installed on its own platform only.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps.mjs'

/** By major version. */
export const VERSIONS = { 22: '22.23.3', 24: '24.21.0', 26: '26.12.1' }
const PACKAGE = `node-linux-${process.arch}`

/** Tests read it: the path of the other Node. */
export const NODE_VARIABLE = 'CAROM_TEST_OTHER_NODE'

/** The path of that Node, or `undefined` where it is not installed. */
export function otherNode(major) {
  const path = join(folder(major), 'node_modules', PACKAGE, 'bin', 'node')
  return existsSync(path) ? path : undefined
}

/** Installs them once; a failure costs the tests that need them, which say so. */
export function ensureOtherNodes() {
  for (const major of Object.keys(VERSIONS)) ensure(major)
}

function ensure(major) {
  const version = VERSIONS[major]
  if (otherNode(major) !== undefined) return console.log(`Node ${version} is here`)
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund']
  const args = ['install', '--prefix', folder(major), ...flags, `${PACKAGE}@${version}`]
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status === 0 && otherNode(major) !== undefined) return console.log(`Installed Node ${version}`)
  console.log(`!! Tests that need Node ${major} are SKIPPED: npm install ${PACKAGE}@${version} failed`)
}

function folder(major) {
  return join(root, '.nodes', VERSIONS[major])
}
