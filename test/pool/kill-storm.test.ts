import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isCaromError, Pool, type PoolOptions } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Ledger from './fixtures/ledger.ts'
import { childrenOf, isAlive, openFileCount } from './proc.ts'
import { fixture, openPool, WITHOUT_TICKETS } from './real-pool.ts'
import { START_METHOD } from './start-method.ts'
import { type Blow, planStorm, type StormSize } from './storm-plan.ts'

const STORMS = [
  { size: { jobs: 20_000, kills: 200, stops: 50, garbage: 20 }, title: '', options: {} },
  { size: { jobs: 4_000, kills: 40, stops: 5, garbage: 4 }, title: ', without tickets', options: WITHOUT_TICKETS },
]
// CAROM_STORM_SEED=4711 repeats a storm's plan; the processes' timing stays their own.
const SEED = Number(process.env.CAROM_STORM_SEED ?? Date.now() % 1_000_000)

interface Fate {
  accepted: boolean
  /** Outcomes; for a lost job, who killed its child. */
  readonly settled: string[]
}

for (const { size, title, options } of STORMS) {
  test(`In a storm of kills, stops and garbage ${size.jobs} jobs settle once each, none runs twice, and nothing is left${title}`, (t) =>
    weather(t, size, options))
}

async function weather(t: TestContext, size: StormSize, options: Partial<PoolOptions>): Promise<void> {
  t.diagnostic(`CAROM_STORM_SEED=${SEED}`)
  const plan = planStorm(SEED, size)
  const file = join(scratch(t), 'ledger')
  // Node opens a few descriptors for its first child that it never closes.
  await new Pool({ module: fixture('ledger'), processes: 1, startMethod: START_METHOD }).terminate()
  const before = { files: openFileCount(), processes: childrenOf(process.pid).length }
  const pool = new Pool<typeof Ledger>({
    module: fixture('ledger'),
    processes: 4,
    startMethod: START_METHOD,
    // What ends a stopped child, at work or idle.
    timeLimitMs: 400,
    acceptTimeoutMs: 400,
    stopTimeoutMs: 300,
    ...options,
  })
  t.after(() => pool.terminate())
  const pids = new Set<number>()
  let deaths = 0
  pool.on('childUp', (pid) => pids.add(pid as number))
  pool.on('childDown', () => deaths++)

  const storm = new Storm(pool, plan.blows)
  const fates = plan.jobs.map(({ name, ms }, job) => {
    const fate: Fate = { accepted: false, settled: [] }
    pool.execute(
      { name, form: 'call', args: [file, job, ms], options: {} },
      {
        accepted: () => {
          fate.accepted = true
        },
        settled: (outcome) => {
          fate.settled.push(outcome.type === 'lost' ? outcome.certificate.killedBy : outcome.type)
          storm.jobSettled()
        },
      },
    )
    return fate
  })
  await pool.close()

  t.diagnostic(`${deaths} children died; ${JSON.stringify(countOf(fates.map(({ settled }) => settled.join())))}`)
  assert.deepEqual(storm.struck, { SIGKILL: size.kills, SIGSTOP: size.stops }, `seed ${SEED}`)
  checkFates(fates, startsIn(file))
  const victims = fates.filter(({ settled }) => !['succeeded', 'neighbour'].includes(settled[0] as string))
  assert.ok(victims.length <= deaths, `${victims.length} jobs were lost in ${deaths} deaths (seed ${SEED})`)
  assert.deepEqual([...pids].filter(isAlive), [], 'no child is left')
  await until(() => childrenOf(process.pid).length <= before.processes, { what: 'no process is left, nor a zombie' })
  await until(() => openFileCount() <= before.files, { what: 'no descriptor is left' })
}

test('Promises of a hundred jobs all settle when the pool is terminated in the middle', async (t) => {
  const pool = openPool<typeof Ledger>(t, 'ledger', { processes: 2 })
  const results = Array.from({ length: 100 }, (_, job) => pool.exports.record('/dev/null', job, 5))
  const settled = Promise.allSettled(results)
  await results[10]
  await pool.terminate()
  for (const [job, result] of (await settled).entries()) {
    if (result.status === 'fulfilled') assert.equal(result.value, job)
    else assert.ok(isCaromError(result.reason, 'CAROM_JOB_TERMINATED'))
  }
})

/** Strikes as planned, as jobs settle. A blow that finds nobody falls with a later job. */
class Storm {
  readonly struck = { SIGKILL: 0, SIGSTOP: 0 }
  readonly #pool: Pool<typeof Ledger>
  readonly #blows: Blow[]
  readonly #hit = new Set<number>()
  #settled = 0
  #notBefore = 0

  constructor(pool: Pool<typeof Ledger>, blows: readonly Blow[]) {
    this.#pool = pool
    this.#blows = [...blows]
  }

  jobSettled(): void {
    this.#settled++
    const [next] = this.#blows
    if (next === undefined || this.#settled < Math.max(next.afterJobs, this.#notBefore)) return
    if (this.#strike(next)) this.#blows.shift()
    // To look at the children takes as long as many jobs do.
    else this.#notBefore = this.#settled + 10
  }

  #strike({ signal, atWork, victim }: Blow): boolean {
    const { children } = this.#pool.stats()
    const targets = children.flatMap(({ pid, running, waiting }) => {
      const isFresh = pid !== null && !this.#hit.has(pid) && isAlive(pid)
      return isFresh && (!atWork || running.length + waiting.length > 0) ? [pid] : []
    })
    const pid = targets[Math.floor(victim * targets.length)]
    if (pid === undefined) return false
    process.kill(pid, signal)
    this.#hit.add(pid)
    this.struck[signal]++
    return true
  }
}

function checkFates(fates: readonly Fate[], starts: ReadonlyMap<number, number>): void {
  for (const [job, { accepted, settled }] of fates.entries()) {
    assert.equal(settled.length, 1, `job ${job} settled ${settled.length} times (seed ${SEED})`)
    const [outcome] = settled as [string]
    const ran = starts.get(job) ?? 0
    const story = `job ${job}: ${outcome}, accepted: ${accepted}, began ${ran} times (seed ${SEED})`
    if (outcome === 'succeeded') assert.ok(accepted && ran === 1, story)
    else assert.ok(ran <= 1 && (accepted || outcome === 'neighbour'), story)
  }
}

function startsIn(file: string): ReadonlyMap<number, number> {
  const starts = new Map<number, number>()
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    starts.set(Number(line), (starts.get(Number(line)) ?? 0) + 1)
  }
  return starts
}

function countOf(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-storm-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
