/** A machine without a C compiler: a fresh clone is built there, says what it lacks, and works by spawn. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const NOWHERE = '/nowhere/cc'
const REASON = 'there is no C compiler'
const skip = process.platform === 'linux' ? false : 'the addon is for Linux'

test('Without a C compiler the package is built, and one line says what is missing', { skip }, (t) => {
  const folder = cloneOf(t)
  const built = run(folder, ['scripts/build.mjs'], { CC: NOWHERE })
  assert.equal(built.status, 0, built.stderr)
  assert.equal(built.stderr, '')
  assert.equal(built.stdout, `The addon is not compiled: ${REASON}. Children can be started by spawn only\n`)
  assert.ok(!existsSync(join(folder, 'dist/prebuilds')))
  const { sums, methods, warnings, refusal, doctor } = JSON.parse(
    run(folder, ['--input-type=module', '-e', USE]).stdout,
  )
  assert.deepEqual(sums, [3, 3])
  assert.deepEqual(methods, ['spawn', 'spawn'])
  assert.equal(warnings.length, 1)
  assert.match(warnings[0], /^Children are spawned, since they cannot be forked here: there is no addon for linux-/)
  assert.match(refusal, /^Children cannot be forked: there is no addon for linux-.*\(startMethod: 'spawn'\)$/)
  assert.match(doctor, /there is no addon for linux-/)
})

test('Neither a cc that is not there nor one that is not in the PATH is taken for a compiler', { skip }, () => {
  const script = `import { whyNoAddon } from './scripts/native.mjs'\nconsole.log(whyNoAddon())`
  for (const env of [{ CC: NOWHERE }, { CC: undefined, PATH: '/nowhere' }]) {
    assert.equal(run(ROOT, ['--input-type=module', '-e', script], env).stdout, `${REASON}\n`)
  }
})

/** What a clone holds, with what npm has installed. */
function cloneOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-clone-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const parts = [
    'src',
    'native',
    'scripts',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ]
  for (const part of parts) cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

function run(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env: { ...process.env, ...env } })
}

/** Uses what was built in every way in which children can be started. */
const USE = `
  import { execFileSync } from 'node:child_process'
  import { writeFileSync } from 'node:fs'
  import { Pool } from './dist/pool/index.js'
  writeFileSync('sums.mjs', 'export const add = (a, b) => a + b')
  const warnings = []
  process.on('warning', ({ name, message }) => name === 'CaromWarning' && warnings.push(message))
  const sums = []
  const methods = []
  for (const startMethod of ['spawn', 'auto']) {
    const pool = new Pool({ module: './sums.mjs', processes: 1, startMethod })
    sums.push(await pool.apply('add', [1, 2]))
    methods.push(pool.stats().children[0].startMethod)
    await pool.close()
  }
  let refusal = null
  try {
    new Pool({ module: './sums.mjs', startMethod: 'fork' })
  } catch (error) {
    refusal = error.message
  }
  const doctor = execFileSync(process.execPath, ['dist/cli/main.js', 'doctor'], { encoding: 'utf8' })
  console.log(JSON.stringify({ sums, methods, warnings, refusal, doctor }))`
