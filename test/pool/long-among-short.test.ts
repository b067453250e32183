/** One job that does not end among a thousand that end at once, on two children. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Job, Pool, PoolOptions } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Waiting from './fixtures/waiting.ts'
import { caromFailureOf, NO_TICKETS, openPool, readyPids, WITHOUT_TICKETS } from './real-pool.ts'

const JOBS = 1_000
/** A second alone; other tests may want the machine for themselves. */
const WITHIN_MS = 15_000

type Waiters = typeof Waiting
type Name = 'waitFor' | 'spinFor' | 'waitIf' | 'spinIf'

for (const [what, long, short, skip = false] of [
  ['of another function, that waits', 'waitFor', 'waitIf'],
  ['of another function, that spins', 'spinFor', 'spinIf'],
  ['of the same function, that waits', 'waitIf', 'waitIf'],
  ['of the same function, that spins', 'spinIf', 'spinIf', NO_TICKETS],
] as const satisfies readonly (readonly [string, Name, Name, (string | false)?])[]) {
  test(`A long job ${what} keeps none of 999 short ones from ending`, { skip }, async (t) => {
    const { file, longJob, shortJobs } = await startAll(t, long, short)
    await until(() => shortJobs.every(isSettled), { withinMs: WITHIN_MS, what: 'the short ones have ended' })
    // It may have been taken back just now, to begin in another child.
    await until(() => longJob.state === 'accepted', { what: 'the long one runs still, or again' })
    writeFileSync(file, '')
    await Promise.all([longJob.result, ...shortJobs.map(({ result }) => result)])
  })
}

test('Without tickets a long job of the same function, that spins, keeps only those waiting that were in its line', async (t) => {
  const { pool, longJob, shortJobs } = await startAll(t, 'spinIf', 'spinIf', WITHOUT_TICKETS)
  // A child that spins cannot give anything back: what was sent behind the spinner stays there until it ends.
  const areAllOthersDone = () => {
    const { children } = pool.stats()
    const stuck = new Set(children.find(({ running }) => running.includes(longJob.id))?.waiting)
    return longJob.state === 'accepted' && open().every((id) => stuck.has(id))
  }
  const open = () => shortJobs.flatMap((job) => (isSettled(job) ? [] : [job.id]))
  await until(areAllOthersDone, { withinMs: WITHIN_MS, what: 'all others have ended' })
  t.diagnostic(`${open().length} jobs are stuck behind the spinner`)
  // As many as may be sent ahead of their turn; how many these were is a matter of the moment.
  assert.ok(open().length <= 256, `${open().length} jobs are stuck`)
  longJob.terminate()
  await caromFailureOf(longJob.result, 'CAROM_JOB_TERMINATED')
  const pids = await Promise.all(shortJobs.map(({ result }) => result))
  assert.equal(pids.length, JOBS - 1)
})

/** The long one comes in the middle; both functions have proved short, so that lines are as long as they get. */
async function startAll(t: TestContext, long: Name, short: Name, options: Partial<PoolOptions> = {}) {
  const pool = openPool<Waiters>(t, 'waiting', { processes: 2, ...options })
  await readyPids(pool, 2)
  const folder = mkdtempSync(join(tmpdir(), 'carom-long-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'go')
  await proveShort(pool, short)
  const start = (_: unknown, at: number) =>
    pool.applyAsync(at === JOBS / 2 ? long : short, [at === JOBS / 2 ? file : null])
  const jobs = Array.from({ length: JOBS }, start) as Job<number>[]
  const [longJob] = jobs.splice(JOBS / 2, 1) as [Job<number>]
  return { pool, file, longJob, shortJobs: jobs }
}

async function proveShort(pool: Pool<Waiters>, name: Name): Promise<void> {
  if (name === 'waitFor' || name === 'spinFor') return
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: 100 }, () => pool.apply(name, [null])))
  }
}

function isSettled({ state }: { readonly state: string }): boolean {
  return state === 'settled'
}
