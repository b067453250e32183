import type { Column } from '../../measure.ts'
import { openFiles } from '../../processes.ts'
import { heapAfterGc } from '../heap.ts'
import { manyCalls } from '../lanes.ts'
import type { PoolMeasure } from '../measure.ts'
import { manyAtOnce, ONE_AT_A_TIME, openRow } from '../rows.ts'

const calls = (isQuick: boolean) => (isQuick ? 100_000 : 1_000_000)
const IN_FLIGHT = 256
const MIB = 1024 * 1024

export const million: PoolMeasure = {
  name: 'million',
  title: 'After a million calls',
  describe: (isQuick) =>
    `${calls(isQuick)} calls of a function that does nothing, ${IN_FLIGHT} in flight, after ${calls(isQuick) / 10} that warm up: the heap in use after a garbage collection, and open files.`,
  columns: [
    column('heapBefore', "parent's heap before, MiB", 2),
    column('heapAfter', 'after', 2),
    column('filesBefore', 'its open files before', 0),
    column('filesAfter', 'after', 0),
    column('childBefore', "a child's heap before, MiB", 2),
    column('childAfter', 'after', 2),
    column('seconds', 'seconds', 1),
  ],
  rows: [...ONE_AT_A_TIME, ...manyAtOnce(128)].filter(({ library }) => library === 'carom'),
  rounds: 1,
  run: async (row, isQuick) => {
    const pool = await openRow(row)
    await manyCalls(pool, IN_FLIGHT, calls(isQuick) / 10)
    const childBefore = Number(await pool.call('heapBytes', null)) / MIB
    const [heapBefore, filesBefore] = [heapAfterGc() / MIB, openFiles()]
    const startedAtMs = performance.now()
    await manyCalls(pool, IN_FLIGHT, calls(isQuick))
    const seconds = (performance.now() - startedAtMs) / 1_000
    const childAfter = Number(await pool.call('heapBytes', null)) / MIB
    const [heapAfter, filesAfter] = [heapAfterGc() / MIB, openFiles()]
    return { heapBefore, heapAfter, filesBefore, filesAfter, childBefore, childAfter, seconds }
  },
}

function column(figure: string, heading: string, digits: number): Column {
  return { figure, heading, better: null, digits }
}
