import { arrive, idleWaitMs, type Passage, passage } from '../../arrivals.ts'
import { randomFrom } from '../../clock.ts'
import type { OpenPool } from '../libraries/library.ts'
import type { PoolMeasure } from '../measure.ts'
import { ONE_AT_A_TIME, openRow } from '../rows.ts'

const CHILDREN = 2
const BURST = 10
const GAP_MS = 50
const SEED = 5
const plan = (isQuick: boolean) => (isQuick ? { otherMs: 700, sameMs: 700 } : { otherMs: 5_000, sameMs: 2_000 })

export const mixed: PoolMeasure = {
  name: 'mixed',
  title: 'Short jobs beside a long one',
  describe: (isQuick) => {
    const { otherMs, sameMs } = plan(isQuick)
    return `One job computes for ${otherMs / 1_000} s, and meanwhile ${BURST} jobs of 1 ms come about every ${GAP_MS} ms: for how long the worst of them waited while a child was idle. Then the same with a function that took 1 ms for hundreds of calls and takes ${sameMs / 1_000} s once, in the middle of a burst.`
  },
  columns: [
    { figure: 'otherMs', heading: 'worst wait beside an idle child, ms', better: 'less', digits: 1 },
    { figure: 'sameMs', heading: 'the long one unforeseen, ms', better: 'less', digits: 1 },
  ],
  rows: ONE_AT_A_TIME,
  rounds: 3,
  run: async (row, isQuick) => {
    const { otherMs, sameMs } = plan(isQuick)
    const pool = await openRow(row)
    await Promise.all(Array.from({ length: 300 }, () => pool.call('work', 1)))
    const other = worstIdleWaitMs(...(await besideLong(pool, 'longWork', otherMs)))
    return { otherMs: other, sameMs: worstIdleWaitMs(...(await besideLong(pool, 'work', sameMs))) }
  },
}

async function besideLong(pool: OpenPool, long: string, longMs: number): Promise<[Passage, Passage[]]> {
  const random = randomFrom(SEED)
  const bursts: number[] = []
  for (let atMs = GAP_MS; atMs < longMs; atMs += GAP_MS * (0.5 + random())) bursts.push(atMs)
  const short = () => pool.call('work', 1)
  const first = Array.from({ length: BURST / 2 }, () => passage(short))
  const longer = passage(() => pool.call(long, longMs))
  const rest = Array.from({ length: BURST / 2 }, () => passage(short))
  const later = arrive(
    bursts.flatMap((atMs) => new Array<number>(BURST).fill(atMs)),
    short,
  )
  return [await longer, [...(await Promise.all([...first, ...rest])), ...(await later)]]
}

function worstIdleWaitMs(long: Passage, shorts: readonly Passage[]): number {
  const all = [long, ...shorts]
  return Math.max(...shorts.map((job) => idleWaitMs(job, all, CHILDREN)))
}
