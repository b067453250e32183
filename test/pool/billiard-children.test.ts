/** Behaviours of Billiard's pool, by their rows in `billiard.test.ts`: what its children put up with. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { DeathCertificate } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Billiard from './fixtures/billiard.ts'
import { isAlive } from './proc.ts'
import { deathOf, fixture, openPool } from './real-pool.ts'

type Functions = typeof Billiard

test('Row 10: a SIGTERM from outside ends no child: orders come over the channel', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  const pid = await pool.exports.pid()
  const running = pool.exports.pause(100)
  process.kill(pid, 'SIGTERM')
  assert.equal(await running, pid)
  assert.equal(await pool.exports.pid(), pid)
})

test("Row 11: a module's own handler for a signal is left alone", async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  await pool.exports.listenToTerm()
  process.kill(await pool.exports.pid(), 'SIGTERM')
  await until(() => pool.exports.heardTerm(), { what: 'the handler was called' })
})

test('Row 18: a child that has done its work ends with exit code 0', async (t) => {
  const deaths: DeathCertificate[] = []
  const pool = openPool<Functions>(t, 'billiard')
  pool.on('childDown', (death) => deaths.push(death))
  await pool.exports.add(1, 2)
  await pool.close()
  const [death] = deaths
  assert.deepEqual([deaths.length, death?.exitCode, death?.killedBy, death?.phase], [1, 0, 'itself', 'stopping'])
})

test('Rows 19 and 73, complaint 20 (celery#102, billiard#259): a killed parent takes its children and what they started with it, a stopped child too', {
  skip: process.platform === 'linux' ? false : 'needs the facts of /proc',
}, async (t) => {
  const parent = startScript(t, 'orphan-parent')
  const { children, grandchild } = JSON.parse(await firstLine(parent)) as { children: number[]; grandchild: number }
  const all = [...children, grandchild]
  assert.deepEqual(all.filter(isAlive), all)
  process.kill(children[0] as number, 'SIGSTOP')
  process.kill(parent.pid as number, 'SIGKILL')
  await until(() => !all.some(isAlive), { what: 'children and grandchild are gone' })
})

test('Row 25: a pool can be made off the main thread', async () => {
  const thread = new Worker(fixture('pool-in-thread'))
  const [[said], [code]] = await Promise.all([once(thread, 'message'), once(thread, 'exit')])
  assert.deepEqual([said, code], [{ sum: 42, isOtherProcess: true }, 0])
})

test('Rows 30 and 74: a dead child is told of with its pid and its exit, and is listed no more', async (t) => {
  const deaths: DeathCertificate[] = []
  const pool = openPool<Functions>(t, 'billiard')
  pool.on('childDown', (death) => deaths.push(death))
  const pids = [await pool.exports.pid()]
  await deathOf(pool.exports.exit(7))
  assert.ok(!pool.stats().processes.includes(pids[0] as number))
  pids.push(await pool.exports.pid())
  await deathOf(pool.exports.kill('SIGKILL'))
  const told = deaths.map(({ pid, exitCode, signal }) => [pid, exitCode, signal])
  assert.deepEqual(told, [
    [pids[0], 7, null],
    [pids[1], null, 'SIGKILL'],
  ])
  const next = await pool.exports.pid()
  assert.deepEqual(pool.stats().processes, [next])
})

test('Rows 31 and 71, complaint 18 (celery#1709): a function may open pools of its own, one in the other, and nobody mixes up descriptors', async (t) => {
  const pool = openPool<Functions>(t, 'billiard')
  assert.equal(await pool.exports.sumInOwnPool(20, 22, 2), 42)
  assert.equal(await pool.exports.readStdin(), '')
  assert.equal(await pool.exports.add(1, 2), 3)
})

test('Row 59: with at most 10 jobs per child 60 jobs give 60 right results, from at least 6 children', async (t) => {
  const pool = openPool<Functions>(t, 'billiard', { processes: 2, maxTasksPerChild: 10 })
  const pids = new Map<number, number>()
  pool.on('accepted', (_, pid) => pids.set(pid as number, (pids.get(pid as number) ?? 0) + 1))
  const results = await Promise.all(Array.from({ length: 60 }, (_, n) => pool.exports.square(n)))
  assert.deepEqual(
    results,
    Array.from({ length: 60 }, (_, n) => n * n),
  )
  assert.ok(pids.size >= 6, `${pids.size} children`)
  assert.ok([...pids.values()].every((jobs) => jobs <= 10))
  await until(() => pool.stats().children.every(({ pid }) => (pids.get(pid as number) ?? 0) < 10), {
    what: 'every child that has had its share is gone',
  })
})

function startScript(t: TestContext, name: string): ChildProcess {
  const script = spawn(process.execPath, [fileURLToPath(fixture(name))], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => script.kill('SIGKILL'))
  return script
}

async function firstLine(script: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: script.stdout as NodeJS.ReadableStream })) return line
  throw new Error('the script ended without a word')
}
