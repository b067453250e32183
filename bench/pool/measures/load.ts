import { arrive } from '../../arrivals.ts'
import { randomFrom } from '../../clock.ts'
import type { Figures } from '../../measure.ts'
import { summary } from '../../statistics.ts'
import type { PoolMeasure } from '../measure.ts'
import { ONE_AT_A_TIME, openRow } from '../rows.ts'

const WORK_MS = 10
const CHILDREN = 2
const LOAD = 0.7
const SEED = 20
// More than Carom needs to know how long a function takes.
const WARM_UPS = 120
const IDEAL = 'no pool: computed'
const jobs = (isQuick: boolean) => (isQuick ? 140 : 300)

export const load: PoolMeasure = {
  name: 'load',
  title: 'From call to start under load',
  describe: (isQuick) =>
    `${jobs(isQuick)} jobs of ${WORK_MS} ms of processor time come at random times (the same for all), ${LOAD * 100} % of what two children can do: how long a job waits for its start. Most of that is waiting for a free child; the last row is what a pool could do that takes no time for itself.`,
  columns: [
    { figure: 'p50Ms', heading: 'p50, ms', better: null, digits: 1 },
    { figure: 'p99Ms', heading: 'p99, ms', better: 'less', digits: 1 },
  ],
  rows: [...ONE_AT_A_TIME, { name: 'ideal', library: 'plain', options: {}, group: 'one', settings: IDEAL }],
  rounds: 5,
  run: async (row, isQuick) => {
    const timesMs = arrivalTimes(jobs(isQuick))
    if (row.settings === IDEAL) return figuresOf(idealWaits(timesMs))
    const pool = await openRow(row)
    await Promise.all(Array.from({ length: WARM_UPS }, () => pool.call('work', WORK_MS)))
    const passages = await arrive(timesMs, () => pool.call('work', WORK_MS))
    return figuresOf(passages.map(({ submittedAtMs, startedAtMs }) => startedAtMs - submittedAtMs))
  },
}

/** Exponential gaps between them. */
function arrivalTimes(count: number): number[] {
  const random = randomFrom(SEED)
  const meanGapMs = WORK_MS / (LOAD * CHILDREN)
  let atMs = 0
  return Array.from({ length: count }, () => {
    atMs -= Math.log(1 - random()) * meanGapMs
    return atMs
  })
}

function idealWaits(timesMs: readonly number[]): number[] {
  const freeAtMs = new Array<number>(CHILDREN).fill(0)
  return timesMs.map((timeMs) => {
    const next = freeAtMs.indexOf(Math.min(...freeAtMs))
    const startMs = Math.max(timeMs, freeAtMs[next] as number)
    freeAtMs[next] = startMs + WORK_MS
    return startMs - timeMs
  })
}

function figuresOf(waitsMs: readonly number[]): Figures {
  const { median, p99 } = summary(waitsMs)
  return { p50Ms: median, p99Ms: p99 }
}
