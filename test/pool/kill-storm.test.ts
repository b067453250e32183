import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCaromError, Pool } from '../../src/pool/index.ts'
import { until } from '../support/wait.ts'
import type * as Ledger from './fixtures/ledger.ts'
import { randomFrom } from './machine-simulator.ts'
import { fixture, openPool } from './real-pool.ts'

const JOBS = 3_000
const KILLS = 40
// CAROM_STORM_SEED=4711 repeats a storm's plan; the processes' timing stays their own.
const SEED = Number(process.env.CAROM_STORM_SEED ?? Date.now() % 1_000_000)

test(`In a storm of ${KILLS} kills ${JOBS} jobs settle once each, none runs twice, and none is lost before its time`, async (t) => {
  t.diagnostic(`seed ${SEED}`)
  const random = randomFrom(SEED)
  const folder = mkdtempSync(join(tmpdir(), 'carom-storm-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'ledger')
  const pool = new Pool<typeof Ledger>({ module: fixture('ledger'), processes: 3, concurrencyPerChild: 2 })
  t.after(() => pool.terminate())
  const fates = new Map<number, { accepted: boolean; settled: string[] }>()
  for (let job = 0; job < JOBS; job++) {
    const fate = { accepted: false, settled: [] as string[] }
    fates.set(job, fate)
    pool.execute('record', [file, job, random() < 0.3 ? Math.floor(random() * 10) : 0], {
      accepted: () => {
        fate.accepted = true
      },
      settled: ({ type }) => fate.settled.push(type),
    })
  }
  const killed = new Set<number>()
  while (killed.size < KILLS) {
    // Spread over the run. Most victims are at work, the others are whatever they are: starting, idle.
    const due = Math.floor(((killed.size + 1) * JOBS * 0.9 * random()) / KILLS)
    const busy = random() < 0.8
    const choose = () => {
      const { open, children } = pool.stats()
      if (JOBS - open < due) return null
      const pids = children.filter(({ running }) => !busy || running.length > 0).map(({ pid }) => pid as number)
      const fresh = pids.filter((pid) => !killed.has(pid))
      return fresh[Math.floor(random() * fresh.length)]
    }
    const what = `${due} jobs are settled and there is somebody to kill (seed ${SEED})`
    const victim = await until(choose, { withinMs: 30_000, what })
    killed.add(victim)
    killQuietly(victim)
  }
  await pool.close()
  const starts = new Map<number, number>()
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    starts.set(Number(line), (starts.get(Number(line)) ?? 0) + 1)
  }
  const all = [...fates]
  const lost = all.filter(([, { settled }]) => settled[0] === 'lost')
  t.diagnostic(`${lost.length} jobs were lost`)
  for (const [job, { accepted, settled }] of all) {
    assert.equal(settled.length, 1, `job ${job} settled ${settled.length} times (seed ${SEED})`)
    assert.ok(settled[0] === 'succeeded' || settled[0] === 'lost', `job ${job}: ${settled} (seed ${SEED})`)
    assert.ok(accepted, `job ${job} was lost before it was accepted (seed ${SEED})`)
    const ran = starts.get(job) ?? 0
    assert.ok(settled[0] === 'lost' ? ran <= 1 : ran === 1, `job ${job} ran ${ran} times (seed ${SEED})`)
  }
  assert.ok(lost.length <= KILLS * 2, `${lost.length} jobs were lost in ${KILLS} deaths of two (seed ${SEED})`)
})

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

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It died by itself meanwhile.
  }
}
