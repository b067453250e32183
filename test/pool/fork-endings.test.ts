/** A forked child ends as a spawned one: same code, same signal, same words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCaromError } from '../../src/errors.ts'
import type { StartMethod } from '../../src/pool/options.ts'
import type { DeathCertificate } from '../../src/pool/parent/certificate.ts'
import type * as Endings from './fixtures/fork-endings.ts'
import { openForking, serverOf, skip } from './fork-support.ts'
import { isAlive } from './proc.ts'
import { openPool } from './real-pool.ts'

const CASES: readonly (readonly [name: string, ...args: unknown[]])[] = [
  ['exitWithListeners', 3],
  ['exitByCode'],
  ['exitThroughThrowingListener'],
  ['throwThroughThrowingListener'],
  ['throwWithCode'],
  ['throwLater'],
  ['throwNoError'],
  ['reject'],
  ['rejectNoError'],
  ['throwFromMonitored'],
  ['catchAll'],
  ['reallyExit'],
  ['abort'],
  ['kill', 'SIGXCPU'],
  ['kill', 'SIGKILL'],
  ['kill', 'SIGALRM'],
  ['survive', 'SIGTERM'],
  ['survive', 'SIGINT'],
  ['fillHeap'],
  ['overflow'],
  ['printAndExit', 300_000],
]

test('A forked child ends as a spawned one', { skip }, async (t) => {
  const execArgv = ['--max-old-space-size=40']
  const [spawned, forked] = (['spawn', 'fork'] satisfies StartMethod[]).map((startMethod) => {
    const pool = openPool(t, 'fork-endings', { startMethod, execArgv })
    return async (name: string, args: unknown[]) => {
      const end = await pool.apply(name, args).then(
        (value) => ({ value }),
        (error: unknown) => endOf(error),
      )
      assert.equal(await pool.apply('survive', ['SIGHUP']), 1, 'the pool goes on')
      return end
    }
  }) as [EndOf, EndOf]
  for (const [name, ...args] of CASES) {
    await t.test(`${name}(${args.join()})`, async () => {
      const [expected, end] = await Promise.all([spawned(name, args), forked(name, args)])
      assert.deepEqual(end, expected)
    })
  }
})

type EndOf = (name: string, args: unknown[]) => Promise<object>

/** Without what is never twice the same: pids, times, places in files. */
function endOf(error: unknown): object {
  if (!isCaromError(error, 'CAROM_CHILD_LOST')) return { thrown: String(error) }
  const { exitCode, signal, killedBy, phase, failure, stderrTail } = error.certificate as DeathCertificate
  // Node shows the line of the source too, which has the same words.
  const words = new Set(stderrTail.match(/first heard.*|second heard.*|monitored.*|last words|way out|the blue/g))
  return { exitCode, signal, killedBy, phase, failure: failure && [failure.name, failure.message], words }
}

test('A child that is killed from outside is told by its signal, and the server lives on', { skip }, async (t) => {
  const pool = openForking<typeof Endings>(t, 'fork-endings')
  const server = await serverOf(pool)
  const [pid] = pool.stats().processes
  process.kill(pid as number, 'SIGSEGV')
  assert.equal(await pool.exports.catchAll(), 'thrown out of the blue')
  assert.notEqual(pool.stats().processes[0], pid)
  assert.equal(await serverOf(pool), server)
  assert.ok(isAlive(server))
})
