// The programs outside npm that tests need, and how a machine gets them. Nothing else is taken from the system.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { Refusal, run } from './steps.mjs'

/** Debian's own Python: another one on the PATH does not see the packages of the system. */
const PYTHON = '/usr/bin/python3'

/**
 * `usedBy` names a test that runs the program, or of a package for Python asks for its `module`; a test of the house keeps
 * that true.
 */
export const SYSTEM_PACKAGES = [
  { package: 'redis-server', command: 'redis-server', usedBy: 'test/support/redis-server.ts' },
  { package: 'rabbitmq-server', command: 'rabbitmq-server', usedBy: 'test/support/rabbitmq-server.ts' },
  ...pythonPackages('test/message/kombu-serializers.test.ts', {
    'python3-kombu': 'kombu',
    'python3-msgpack': 'msgpack',
    'python3-yaml': 'yaml',
    'python3-brotli': 'brotli',
    'python3-zstandard': 'zstandard',
  }),
  ...pythonPackages('test/message/kombu-auth.test.ts', { 'python3-cryptography': 'cryptography' }),
  ...pythonPackages('test/interop/python.ts', { 'python3-celery': 'celery', 'python3-redis': 'redis' }),
  { package: 'openssl', command: 'openssl', usedBy: 'test/docs/snippets.test.ts' },
]

function pythonPackages(usedBy, modules) {
  return Object.entries(modules).map(([name, module]) => ({ package: name, command: PYTHON, module, usedBy }))
}

/** Tests read it: the packages they must do without, separated by commas. */
export const SKIP_VARIABLE = 'CAROM_TEST_SKIP_SYSTEM'

export function missingPackages() {
  return SYSTEM_PACKAGES.filter((entry) => spawnSync('sh', ['-c', lookFor(entry)]).status !== 0)
}

function lookFor({ command, module }) {
  if (module === undefined) return `command -v ${command}`
  return `${command} -c 'import importlib.util as look, sys; sys.exit(look.find_spec("${module}") is None)'`
}

/** Installs what is missing, as root on Debian; elsewhere the tests that need it are skipped. */
export function ensureSystemPackages() {
  const missing = missingPackages().map((entry) => entry.package)
  if (missing.length === 0) return console.log('Nothing is missing')
  if (!canInstall()) return console.log(skipNotice(missing))
  install(missing)
}

/** Installs those of `names` that are missing. @throws Refusal where that cannot be done, with the command to use. */
export function requireSystemPackages(names, what) {
  const missing = missingPackages()
    .map((entry) => entry.package)
    .filter((name) => names.includes(name))
  if (missing.length === 0) return
  if (!canInstall()) throw new Refusal(`${what} needs ${missing.join(', ')}. Install it by: ${installAdvice(missing)}`)
  install(missing)
}

function canInstall() {
  return isDebian() && process.getuid?.() === 0 && spawnSync('sh', ['-c', 'command -v apt-get']).status === 0
}

function install(names) {
  console.log(`Installing system packages: ${names.join(', ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['-q', 'update'], { env })
  run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', ...names], { env })
}

export function skipNotice(missing) {
  return `!! Tests that need ${missing.join(', ')} are SKIPPED. To run them, install it by: ${installAdvice(missing)}`
}

function installAdvice(names) {
  return isDebian() ? `sudo ${installCommand(names)}` : 'the package manager of this system'
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
