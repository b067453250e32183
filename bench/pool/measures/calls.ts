import { childrenOf, cpuMs } from '../../processes.ts'
import { callsWithin } from '../lanes.ts'
import type { PoolMeasure } from '../measure.ts'
import { BILLIARD, manyAtOnce, ONE_AT_A_TIME, openRow } from '../rows.ts'

const IN_FLIGHT = 256
const plan = (isQuick: boolean) => (isQuick ? { warmUpMs: 300, measureMs: 500 } : { warmUpMs: 600, measureMs: 1_200 })

export const calls: PoolMeasure = {
  name: 'calls',
  title: 'Calls per second',
  describe: () =>
    `Calls of a function that does nothing, ${IN_FLIGHT} in flight, two children; and what processor time a call takes, in the parent and in the child together.`,
  columns: [
    { figure: 'callsPerSecond', heading: 'calls/s', better: 'more' },
    { figure: 'cpuUs', heading: 'processor time, µs', better: 'less', digits: 1 },
  ],
  rows: [...ONE_AT_A_TIME, BILLIARD, ...manyAtOnce(128)],
  rounds: 5,
  run: async (row, isQuick) => {
    const { warmUpMs, measureMs } = plan(isQuick)
    const pool = await openRow(row)
    await callsWithin(pool, IN_FLIGHT, warmUpMs)
    const before = usedMs()
    const { calls: count, seconds } = await callsWithin(pool, IN_FLIGHT, measureMs)
    const used = usedMs() - before
    return { callsPerSecond: count / seconds, cpuUs: used === 0 ? null : (used * 1_000) / count }
  },
  forBilliard: (isQuick) => ({ inFlight: IN_FLIGHT, ...plan(isQuick) }),
}

/** By this process and its children; 0 where the system does not tell. */
function usedMs(): number {
  return [process.pid, ...childrenOf(process.pid)].map(cpuMs).reduce((sum, ms) => sum + ms, 0)
}
