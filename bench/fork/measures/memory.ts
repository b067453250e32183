import { readFileSync } from 'node:fs'
import { memoryOf } from '../../processes.ts'
import { summary } from '../../statistics.ts'
import { BOTH, type Extent, type Measure } from '../measure.ts'
import { open, parentOf } from '../open.ts'

const MIB = 1024 * 1024
/** What a spawned child takes, generously. */
const CHILD_BYTES = 250 * MIB
const most = (extent: Extent) => (extent === 'quick' ? 4 : 16)

export const memory: Measure = {
  name: 'memory',
  title: 'Memory of idle children',
  describe: (extent) =>
    `${siblings(extent)} children that have 100 MB of objects loaded and are idle${siblings(extent) < most(extent) ? ' (16 do not fit into what is free here)' : ''}. In the sum, which has the fork server too, pages that several processes share count once.`,
  lines: [
    { figure: 'private', heading: 'private memory of a child, MiB', digits: 2, goal: 'at most 2 MB' },
    { figure: 'sum', heading: 'all children (PSS), MiB', digits: 0, goal: "an eighth of spawn's" },
  ],
  ways: BOTH,
  rounds: { quick: 1, normal: 3, long: 3 },
  run: async (way, extent) => {
    const processes = siblings(extent)
    const pool = open(way, 'ballast', { processes })
    await pool.resize(processes)
    const pids = pool.stats().processes
    const server = way === 'fork' ? [parentOf(pids[0] as number)] : []
    const own = pids.map((pid) => memoryOf(pid).privateBytes / MIB)
    const shares = [...server, ...pids].map((pid) => memoryOf(pid).shareBytes / MIB)
    await pool.close()
    return { private: summary(own).median, sum: shares.reduce((sum, share) => sum + share, 0) }
  },
}

/** As many as spawned ones would fit: what is swapped out is not counted. */
function siblings(extent: Extent): number {
  const [, kib] = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? []
  const room = Math.floor((Number(kib) * 1024) / CHILD_BYTES)
  return Math.max(2, Math.min(most(extent), 2 ** Math.floor(Math.log2(Math.max(2, room)))))
}
