import { summary } from '../../statistics.ts'
import { callsWithin } from '../lanes.ts'
import type { LibraryName } from '../libraries/index.ts'
import type { PoolMeasure, Row } from '../measure.ts'
import { BILLIARD, ONE_AT_A_TIME, openRow } from '../rows.ts'

const plan = (isQuick: boolean) => (isQuick ? { trips: 1_000, warmUpMs: 200 } : { trips: 3_000, warmUpMs: 500 })

export const trips: PoolMeasure = {
  name: 'trips',
  title: 'One call after the other',
  describe: (isQuick) =>
    `${plan(isQuick).trips} calls of a function that does nothing, each made when the one before has its result. The bare ping-pong sends what Carom's call and its answer send over the same kind of socket, and does nothing else: no pool can be faster.`,
  columns: [
    { figure: 'p50Us', heading: 'p50, µs', better: 'less' },
    { figure: 'p99Us', heading: 'p99, µs', better: 'less' },
  ],
  rows: [
    ...ONE_AT_A_TIME,
    BILLIARD,
    floor('bare ping-pong', 'bare', 'the answer in one write'),
    floor('bare ping-pong, two writes', 'bare-twice', 'one for "begun", one for the result, as without the addon'),
  ],
  rounds: 5,
  run: async (row, isQuick) => {
    const { trips: count, warmUpMs } = plan(isQuick)
    const pool = await openRow(row)
    // The floor holds one call at a time.
    if (!row.library.startsWith('bare')) await callsWithin(pool, 64, warmUpMs)
    // The compiler takes some thousand calls of one kind to be done with them.
    await callsWithin(pool, 1, warmUpMs)
    const tripsUs: number[] = []
    for (let trip = -count / 10; trip < count; trip++) {
      const startedAtMs = performance.now()
      await pool.call('noop', trip)
      if (trip >= 0) tripsUs.push((performance.now() - startedAtMs) * 1_000)
    }
    const { median, p99 } = summary(tripsUs)
    return { p50Us: median, p99Us: p99 }
  },
  forBilliard: plan,
}

function floor(name: string, library: LibraryName, settings: string): Row {
  return { name, library, options: {}, group: 'one', settings }
}
