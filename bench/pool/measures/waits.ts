import { summary } from '../../statistics.ts'
import type { LibraryName } from '../libraries/index.ts'
import type { OpenPool } from '../libraries/library.ts'
import type { PoolMeasure, Row } from '../measure.ts'
import { manyAtOnce, openRow } from '../rows.ts'

const JOBS = 200
const WAIT_MS = 50

export const waits: PoolMeasure = {
  name: 'waits',
  title: 'Jobs that wait',
  describe: () =>
    `${JOBS} jobs at once that wait for ${WAIT_MS} ms each, two children that hold ${JOBS / 2}: how long until the last result. workerpool and jest-worker hold one call in a child and cannot.`,
  columns: [{ figure: 'allMs', heading: 'all done, ms', better: 'less', digits: 1 }],
  rows: [...manyAtOnce(JOBS / 2), row('Promise.all in one process', 'plain', 'no pool')],
  rounds: 5,
  run: async (compared, isQuick) => {
    const pool = await openRow(compared)
    const times: number[] = []
    for (let time = -2; time < (isQuick ? 5 : 10); time++) {
      const ms = await allMs(pool)
      if (time >= 0) times.push(ms)
    }
    return { allMs: summary(times).median }
  },
}

async function allMs(pool: OpenPool): Promise<number> {
  const startedAtMs = performance.now()
  await Promise.all(Array.from({ length: JOBS }, () => pool.call('wait', WAIT_MS)))
  return performance.now() - startedAtMs
}

function row(name: string, library: LibraryName, settings: string): Row {
  return { name, library, options: {}, group: 'many', settings }
}
