import { BOTH, type Measure, type Way } from '../measure.ts'
import { open, timed } from '../open.ts'

export const first: Measure = {
  name: 'first',
  title: 'From new Pool to the first result',
  describe: () =>
    'A pool of one child, from `new Pool` until its first job has ended: the fork server starts and loads first, then the child.',
  lines: [
    { figure: 'nothing', heading: 'nothing to load, ms', digits: 0, goal: "at most 1.3 x spawn's" },
    { figure: 'compiler', heading: 'the compiler, ms', digits: 0, goal: "at most 1.3 x spawn's" },
  ],
  ways: BOTH,
  rounds: { quick: 1, normal: 9, long: 9 },
  run: async (way) => ({ nothing: await firstMs(way, 'bare'), compiler: await firstMs(way, 'compiler') }),
}

async function firstMs(way: Way, name: 'bare' | 'compiler'): Promise<number> {
  let close = async (): Promise<void> => {}
  const ms = await timed(() => {
    const pool = open<'bare' | 'compiler'>(way, name)
    close = () => pool.close()
    return pool.exports.noop()
  })
  await close()
  return ms
}
