import { memoryOf } from '../../processes.ts'
import { BOTH, type Extent, type Measure } from '../measure.ts'
import { open, parentOf } from '../open.ts'

const MIB = 1024 * 1024
const CHILDREN = 2
const jobs = (extent: Extent) => ({ quick: 10, normal: 150, long: 1_000 })[extent]

export const kept: Measure = {
  name: 'kept',
  title: 'What is still shared after real jobs',
  describe: (extent) =>
    `${CHILDREN} children with TypeScript 5.9's compiler, which forked ones find preloaded; each transpiles ${jobs(extent)} source files. The shared part is that of a child's resident memory.`,
  lines: [
    { figure: 'sharedBefore', heading: 'shared part when ready, %', digits: 0, isPart: true },
    { figure: 'sharedAfter', heading: 'shared part after the jobs, %', digits: 0, isPart: true },
    { figure: 'stillShared', heading: 'shared memory, beside that when ready, %', digits: 0, isPart: true },
    { figure: 'privateAfter', heading: 'private memory of a child after the jobs, MiB', digits: 1 },
    { figure: 'sumAfter', heading: 'all of them (PSS) after the jobs, MiB', digits: 0 },
    { figure: 'jobMs', heading: 'a job, ms', digits: 1 },
  ],
  ways: BOTH,
  rounds: { quick: 1, normal: 2, long: 1 },
  run: async (way, extent) => {
    const pool = open(way, 'compiler', { processes: CHILDREN })
    await pool.resize(CHILDREN)
    const pids = pool.stats().processes
    const server = way === 'fork' ? [parentOf(pids[0] as number)] : []
    const sharedBefore = averageOf(pids, sharedPart)
    const sharedBytesBefore = averageOf(pids, sharedBytes)
    const startedAtMs = performance.now()
    const files = Array.from({ length: jobs(extent) * CHILDREN }, (_, number) => number)
    await pool.map('transpile', files, { chunkSize: 1 })
    const spentMs = performance.now() - startedAtMs
    const figures = {
      sharedBefore,
      sharedAfter: averageOf(pids, sharedPart),
      stillShared: (100 * averageOf(pids, sharedBytes)) / sharedBytesBefore,
      privateAfter: averageOf(pids, (pid) => memoryOf(pid).privateBytes / MIB),
      sumAfter: [...server, ...pids].reduce((sum, pid) => sum + memoryOf(pid).shareBytes / MIB, 0),
      jobMs: spentMs / jobs(extent),
    }
    await pool.close()
    return figures
  },
}

function sharedPart(pid: number): number {
  return (100 * sharedBytes(pid)) / memoryOf(pid).rssBytes
}

function sharedBytes(pid: number): number {
  const { rssBytes, privateBytes } = memoryOf(pid)
  return rssBytes - privateBytes
}

function averageOf(pids: readonly number[], figure: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + figure(pid), 0) / pids.length
}
