import { setTimeout as pause } from 'node:timers/promises'
import { TIMED_OUT, within } from '../../clock.ts'
import { summary } from '../../statistics.ts'
import type { OpenPool } from '../libraries/library.ts'
import type { PoolMeasure } from '../measure.ts'
import { BILLIARD, openRow, PROCESSES, withOptions } from '../rows.ts'

const DEADLINE_MS = 3_000
const plan = (isQuick: boolean) => ({ kills: isQuick ? 2 : 3, deadlineMs: DEADLINE_MS, settleMs: isQuick ? 250 : 400 })

export const lost: PoolMeasure = {
  name: 'lost',
  title: 'A child lost',
  describe: () =>
    `A pool of one child, which is killed (SIGKILL) while it is idle; a call follows at once, again whenever it fails, until one has run. A call that has no answer after ${DEADLINE_MS / 1_000} s counts as never, and nothing is measured.`,
  columns: [
    { figure: 'ms', heading: 'until a call has run, ms', better: 'less', digits: 1 },
    { figure: 'failed', heading: 'calls that failed meanwhile', better: null, digits: 1 },
  ],
  rows: withOptions(
    [
      ...PROCESSES.slice(0, 1).map((row) => ({
        ...row,
        name: 'Carom, a spare child',
        options: { spares: 1 },
        group: 'spare',
        settings: 'spareChildren 1',
      })),
      ...PROCESSES,
      BILLIARD,
    ],
    { processes: 1 },
  ),
  rounds: 5,
  run: async (row, isQuick) => {
    const { kills, settleMs } = plan(isQuick)
    const pool = await openRow(row)
    const losses: Loss[] = []
    for (let kill = 0; kill < kills; kill++) losses.push(await lose(pool, settleMs))
    return {
      ms: summary(losses.map(({ ms }) => ms)).median,
      failed: losses.reduce((sum, { failed }) => sum + failed, 0) / kills,
    }
  },
  forBilliard: plan,
}

interface Loss {
  readonly ms: number
  readonly failed: number
}

async function lose(pool: OpenPool, settleMs: number): Promise<Loss> {
  const pid = (await pool.call('pid', null)) as number
  // A spare child may still be starting; one that was lost before may still be leaving.
  await pause(settleMs)
  const startedAtMs = performance.now()
  process.kill(pid, 'SIGKILL')
  for (let failed = 0; performance.now() - startedAtMs < DEADLINE_MS; failed++) {
    const settled = await within(
      DEADLINE_MS,
      pool.call('noop', null).then(succeeded, () => 'failed'),
    )
    if (settled === TIMED_OUT) throw new Error('never: the call that follows has no answer')
    if (settled === 'succeeded') return { ms: performance.now() - startedAtMs, failed }
    await new Promise(setImmediate)
  }
  throw new Error('never: every call that follows fails')
}

function succeeded(): string {
  return 'succeeded'
}
