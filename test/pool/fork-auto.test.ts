import assert from 'node:assert/strict'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Pool } from '../../src/pool/pool.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { cacheFolder, poolOfCopy, skip, warningsOf } from './fork-support.ts'
import { fixture, openPool } from './real-pool.ts'

test('auto forks where it works, and the next process knows that', { skip }, async (t) => {
  const folder = cacheFolder(t)
  // Found out anew: no other test has these flags.
  const options = { startMethod: 'auto', execArgv: ['--stack-trace-limit=17'], processes: 2 } as const
  const pool = openPool<typeof Jobs>(t, 'jobs', options)
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.deepEqual(methodsOf(pool), ['fork', 'fork'])
  const verdicts = readdirSync(join(folder, 'carom'))
  assert.equal(verdicts.length, 1)
  assert.match(verdicts[0] as string, /^forks-[0-9a-f]{32}$/)
  // A copy of the package knows nothing of this process.
  const CopiedPool = await poolOfCopy(t, (source) => spoilTrial(source, "throw new Error('tried again')"))
  const again = new CopiedPool<typeof Jobs>({ module: fixture('jobs'), ...options })
  t.after(() => again.terminate())
  assert.equal(await again.exports.add(1, 2), 3)
  assert.deepEqual(methodsOf(again), ['fork', 'fork'])
})

for (const [fault, reason] of [
  ["throw new Error('no luck today')", /cannot be forked here: no luck today/],
  ['process.exit(0)', /cannot be forked here: a forked child ended before it was done/],
  ['process.exit(5)', /cannot be forked here: a forked child ended with exit code 5/],
  ["process.kill(process.pid, 'SIGSEGV')", /cannot be forked here: a forked child was killed by SIGSEGV/],
  ['for (;;);', /cannot be forked here: a forked child was not done within 2000 ms/],
] as const) {
  test(`auto spawns, and says why, where the trial does: ${fault}`, { skip }, async (t) => {
    const folder = cacheFolder(t)
    const warnings = warningsOf(t)
    const CopiedPool = await poolOfCopy(t, (source) => spoilTrial(source, fault))
    const pool = new CopiedPool<typeof Jobs>({ module: fixture('jobs'), processes: 2, startMethod: 'auto' })
    t.after(() => pool.terminate())
    assert.equal(await pool.exports.add(1, 2), 3)
    assert.deepEqual(methodsOf(pool), ['spawn', 'spawn'])
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] as string, reason)
    assert.deepEqual(readdirSync(folder), [])
  })
}

test('A loader hook that every Node of the pool has is told, and auto spawns', { skip }, async (t) => {
  cacheFolder(t)
  const warnings = warningsOf(t)
  const hook = 'export%20const%20resolve=(a,b,next)=>next(a,b)'
  const flag = `--import=data:text/javascript,import{register}from"node:module";register("data:text/javascript,${hook}")`
  const execArgv = ['--no-warnings', flag]
  const forking = openPool<typeof Jobs>(t, 'jobs', { startMethod: 'fork', execArgv })
  await assert.rejects(
    forking.whenStarted(),
    /Node was started with 1 threads that a forked child would lack.*--import/,
  )
  const pool = openPool<typeof Jobs>(t, 'jobs', { startMethod: 'auto', execArgv })
  assert.equal(await pool.exports.add(1, 2), 3)
  assert.deepEqual(methodsOf(pool), ['spawn'])
  assert.equal(warnings.length, 1)
})

test('auto spawns without a word more than one where there is no addon', async (t) => {
  const warnings = warningsOf(t)
  const CopiedPool = await poolOfCopy(t, (source) =>
    rmSync(join(source, 'prebuilds'), { recursive: true, force: true }),
  )
  for (let round = 0; round < 2; round++) {
    const pool = new CopiedPool<typeof Jobs>({ module: fixture('jobs'), processes: 1, startMethod: 'auto' })
    t.after(() => pool.terminate())
    assert.equal(await pool.exports.add(1, 2), 3)
    assert.deepEqual(methodsOf(pool), ['spawn'])
  }
  assert.equal(warnings.length, process.platform === 'linux' ? 1 : 0)
})

function methodsOf(pool: Pool<typeof Jobs>): string[] {
  return pool.stats().children.map(({ startMethod }) => startMethod)
}

function spoilTrial(source: string, body: string): void {
  writeFileSync(join(source, 'pool/forkserver/server/canary.js'), `export async function selfTest() { ${body} }\n`)
}
