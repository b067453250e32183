/** Pools whose system has nothing left to start a child with. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { fixture } from './real-pool.ts'

const SCRIPT = fileURLToPath(fixture('exhausted-parent'))
const LIMITED = fixture('limited-parent')
const NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--']

test('Without file descriptors a pool goes on with the children it has, and replaces the others when there are some again', async () => {
  const command = ['/bin/sh', '-c', 'ulimit -n 80; exec "$0" "$@"', process.execPath, SCRIPT, 'descriptors']
  assert.deepEqual(await run(command), { failures: ['EMFILE'], lived: true, startFailures: 0 })
})

test('Without processes a pool goes on with the children it has, and replaces the others when there are some again', {
  skip: cannotLimitProcesses(),
}, async () => {
  const command = ['setpriv', ...NOBODY, 'prlimit', '--nproc=90', process.execPath, SCRIPT, 'processes']
  assert.deepEqual(await run(command), { failures: ['EAGAIN'], lived: true, startFailures: 0 })
})

test('Where no memory can be shared children start nevertheless', async () => {
  // It counts as a file, and 4 KiB are over the limit.
  const command = ['/bin/sh', '-c', 'ulimit -f 2; exec "$0" "$@"', process.execPath, fileURLToPath(LIMITED)]
  assert.deepEqual(await run(command), { sum: 3 })
})

async function run([command, ...args]: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(command as string, args, { timeout: 30_000 })
  return JSON.parse(stdout)
}

/** False where it can be done; why not, elsewhere. The limit counts what the user runs already: hence another user. */
function cannotLimitProcesses(): string | false {
  if (process.platform !== 'linux') return 'the limit is set with tools of Linux'
  if (process.getuid?.() !== 0) return 'only root can run a script as a user who has no other processes'
  const { status, error } = spawnSync('setpriv', [...NOBODY, 'prlimit', '--nproc=90', process.execPath, '--version'])
  if (error !== undefined) return `setpriv cannot be run: ${error.message}`
  return status === 0 ? false : 'setpriv and prlimit cannot run Node as another user'
}
