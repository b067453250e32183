import { setTimeout as pause } from 'node:timers/promises'
import type { Column, Figures } from '../../measure.ts'
import { childrenOf, type Memory, memoryOf } from '../../processes.ts'
import { manyCalls } from '../lanes.ts'
import type { PoolMeasure } from '../measure.ts'
import { BILLIARD, ONE_AT_A_TIME, openRow } from '../rows.ts'

const CALLS = 2_000
const IDLE_MS = 1_000
const MIB = 1024 * 1024

export const memory: PoolMeasure = {
  name: 'memory',
  title: 'Memory',
  describe: () =>
    `Resident memory of a pool that has answered ${CALLS} calls and is idle. Pages that several processes share count in full for each, but once in the sum, which has every process that the pool has started. A parent includes the program that measures.`,
  columns: [
    column('parent', 'parent, MiB'),
    column('child', 'a child, MiB'),
    column('childPrivate', 'of that its own, MiB'),
    column('other', 'other processes, MiB'),
    column('sum', 'sum, MiB'),
  ],
  rows: [...ONE_AT_A_TIME, BILLIARD],
  rounds: 3,
  run: async (row) => {
    const pool = await openRow(row)
    await manyCalls(pool, 64, CALLS)
    const pids = new Set(await Promise.all(Array.from({ length: 50 }, () => pool.call('pid', null))))
    await pause(IDLE_MS)
    return figuresOf(pids)
  },
  forBilliard: () => ({ calls: CALLS, idleMs: IDLE_MS }),
}

/** `workers`: the pids that ran calls. Whatever else this process has started is the pool's too. */
function figuresOf(workers: ReadonlySet<unknown>): Figures {
  const parent = memoryOf(process.pid)
  const all = childrenOf(process.pid).map((pid) => ({ ...memoryOf(pid), isWorker: workers.has(pid) }))
  const children = all.filter(({ isWorker }) => isWorker)
  const others = all.filter(({ isWorker }) => !isWorker)
  return {
    parent: parent.rssBytes / MIB,
    child: children.length === 0 ? null : sumOf(children, 'rssBytes') / children.length / MIB,
    childPrivate: children.length === 0 ? null : sumOf(children, 'privateBytes') / children.length / MIB,
    other: sumOf(others, 'rssBytes') / MIB,
    sum: (parent.shareBytes + sumOf(all, 'shareBytes')) / MIB,
  }
}

function sumOf(memories: readonly Memory[], key: keyof Memory): number {
  return memories.reduce((sum, each) => sum + each[key], 0)
}

function column(figure: string, heading: string): Column {
  return { figure, heading, better: null }
}
