import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { summary } from '../../statistics.ts'
import { BOTH, type Extent, type Figures, type Measure, type Way } from '../measure.ts'
import { type Fixtures, open, timed } from '../open.ts'

const starts = (extent: Extent) => (extent === 'quick' ? 2 : 6)
/** Of Node 22.1 and newer; where there is one, the compiler's goal is for starts with it. */
const HAS_CACHE = Number(process.versions.node.split('.')[0]) >= 22

export const ready: Measure = {
  name: 'ready',
  title: 'From request to ready',
  describe: (extent) =>
    `\`pool.grow(1)\` until the new child is ready, with nothing to load and with TypeScript 5.9's compiler (9 MB), which forked children find preloaded${HAS_CACHE ? '; spawned ones once without and once with a compile cache (NODE_COMPILE_CACHE) that is filled' : ''}. The median of ${starts(extent)} starts is a round's figure.`,
  lines: [
    { figure: 'nothing', heading: 'nothing to load, ms', digits: 1, goal: '5 x faster' },
    { figure: 'compiler', heading: 'the compiler, ms', digits: 1, ...(HAS_CACHE ? {} : { goal: '30 x faster' }) },
    ...(HAS_CACHE
      ? [{ figure: 'cached', heading: 'the compiler, compile cache, ms', digits: 1, goal: '20 x faster' }]
      : []),
  ],
  ways: BOTH,
  rounds: { quick: 1, normal: 5, long: 5 },
  run: async (way, extent) => {
    const figures: Figures = {
      nothing: await startMs(way, extent, 'bare', process.env),
      compiler: await startMs(way, extent, 'compiler', process.env),
    }
    if (!HAS_CACHE) return figures
    const folder = mkdtempSync(join(tmpdir(), 'carom-bench-'))
    try {
      const env = { ...process.env, NODE_COMPILE_CACHE: folder }
      return { ...figures, cached: await startMs(way, extent, 'compiler', env) }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function startMs(way: Way, extent: Extent, name: keyof Fixtures, env: NodeJS.ProcessEnv): Promise<number> {
  const pool = open(way, name, { env })
  await pool.resize(1)
  // Fills what caches there are: they are written as a process ends.
  await pool.grow(1)
  await pool.shrink(1)
  const figures: number[] = []
  for (let start = 0; start < starts(extent); start++) {
    figures.push(await timed(() => pool.grow(1)))
    await pool.shrink(1)
  }
  await pool.close()
  return summary(figures).median
}
