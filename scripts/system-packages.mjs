// The programs outside npm that tests need, and how a machine gets them. Nothing else is taken from the system.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { run } from './steps.mjs'

/** `usedBy` names a test that runs the program; a test of the house keeps that true. */
export const SYSTEM_PACKAGES = [
  { package: 'rabbitmq-server', command: 'rabbitmq-server', usedBy: 'test/support/rabbitmq-server.ts' },
]

/** Tests read it: the packages they must do without, separated by commas. */
export const SKIP_VARIABLE = 'CAROM_TEST_SKIP_SYSTEM'

export function missingPackages() {
  return SYSTEM_PACKAGES.filter(({ command }) => spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0)
}

/** Installs what is missing, as root on Debian; elsewhere the tests that need it are skipped. */
export function ensureSystemPackages() {
  const missing = missingPackages().map((entry) => entry.package)
  if (missing.length === 0) return console.log('Nothing is missing')
  if (!isDebian() || process.getuid?.() !== 0) return console.log(skipNotice(missing))
  console.log(`Installing system packages: ${missing.join(', ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['-q', 'update'], { env })
  run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...missing], { env })
}

export function skipNotice(missing) {
  const command = isDebian() ? `sudo ${installCommand(missing)}` : `the package manager of this system`
  return `!! Tests that need ${missing.join(', ')} are SKIPPED. To run them, install it by: ${command}`
}

function installCommand(names) {
  return `apt-get install -y --no-install-recommends ${names.join(' ')}`
}

function isDebian() {
  const file = '/etc/os-release'
  return (
    existsSync(file) && /^ID(?:_LIKE)?=.*debian/m.test(readFileSync(file, 'utf8')) && existsSync('/usr/bin/apt-get')
  )
}
