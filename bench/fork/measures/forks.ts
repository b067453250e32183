import { existsSync, readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { TIMED_OUT, within } from '../../clock.ts'
import { childrenOf, openFiles } from '../../processes.ts'
import type { Extent, Measure } from '../measure.ts'
import { open, parentOf, stateOf } from '../open.ts'

const PROCESSES = 2
const DEADLINE_MS = 10_000
const SETTLE_MS = 5_000
const forksIn = (extent: Extent) => ({ quick: 20, normal: 300, long: 2_000 })[extent]

export const forks: Measure = {
  name: 'forks',
  title: 'Many forks in a row',
  describe: (extent) =>
    `${forksIn(extent)} children of one fork server, ${PROCESSES} at a time, each for one job: it collects garbage, computes, reads a file, compresses and waits. A job without an answer after ${DEADLINE_MS / 1_000} s is hung. Zombies and descriptors are counted at the end, descriptors beside those at the beginning.`,
  lines: [
    { figure: 'hung', heading: 'hung', digits: 0, goal: '0' },
    { figure: 'crashed', heading: 'crashed', digits: 0, goal: '0' },
    { figure: 'zombies', heading: 'zombies', digits: 0, goal: '0' },
    { figure: 'lost', heading: 'fork server lost', digits: 0, goal: '0' },
    { figure: 'leaked', heading: 'descriptors leaked, in the pool and in its fork server', digits: 0, goal: '0' },
    { figure: 'ms', heading: 'a child with its job, ms', digits: 1 },
  ],
  ways: ['fork'],
  rounds: { quick: 1, normal: 1, long: 1 },
  run: async (way, extent) => {
    const count = forksIn(extent)
    const pool = open(way, 'life', { processes: PROCESSES, maxTasksPerChild: 1 })
    await pool.resize(PROCESSES)
    const server = parentOf(pool.stats().processes[0] as number)
    const before = descriptors(server)
    const startedAtMs = performance.now()
    let left = count
    let hung = 0
    let crashed = 0
    const lane = async () => {
      while (left-- > 0) {
        const end = await within(
          DEADLINE_MS,
          pool.exports.live().then(
            () => 'done',
            () => 'crashed',
          ),
        )
        if (end === TIMED_OUT) hung++
        else if (end === 'crashed') crashed++
      }
    }
    await Promise.all(Array.from({ length: PROCESSES }, lane))
    const spentMs = performance.now() - startedAtMs
    // The last children are still being replaced.
    const giveUpAtMs = performance.now() + SETTLE_MS
    while (performance.now() < giveUpAtMs && (descriptors(server) > before || zombiesOf(server) > 0)) await pause(50)
    const leaked = Math.max(0, descriptors(server) - before)
    const zombies = zombiesOf(server)
    const lost = existsSync(`/proc/${server}`) ? 0 : 1
    await pool.terminate()
    return { hung, crashed, zombies, lost, leaked, ms: spentMs / count }
  },
}

function descriptors(server: number): number {
  try {
    return openFiles() + readdirSync(`/proc/${server}/fd`).length
  } catch {
    // It is gone, which is a figure of its own.
    return openFiles()
  }
}

function zombiesOf(server: number): number {
  return childrenOf(server).filter((pid) => {
    try {
      return stateOf(pid) === 'Z'
    } catch {
      // It was reaped meanwhile.
      return false
    }
  }).length
}
