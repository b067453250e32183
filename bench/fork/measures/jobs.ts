import { BOTH, type Extent, type Measure } from '../measure.ts'
import { open, timed } from '../open.ts'

const WARM_UP = 2_000
const IN_FLIGHT = 64
const amounts = (extent: Extent) =>
  extent === 'quick'
    ? { calls: 2_000, trips: 200, objects: 300_000, steps: 10_000_000 }
    : { calls: 40_000, trips: 4_000, objects: 3_000_000, steps: 100_000_000 }

export const jobs: Measure = {
  name: 'jobs',
  title: 'Jobs of forked and of spawned children',
  describe: (extent) =>
    `One child. ${amounts(extent).calls} calls of a function that does nothing, ${IN_FLIGHT} in flight; ${amounts(extent).trips} such calls one after the other; a job that makes ${amounts(extent).objects / 1e6} million objects, and one of ${amounts(extent).steps / 1e6} million steps of arithmetic, each the second of its kind in its child.`,
  lines: [
    { figure: 'call', heading: 'a call of many in flight, µs', digits: 1, goal: 'within 5 %' },
    { figure: 'trip', heading: 'a call after the other, µs', digits: 0, goal: 'within 5 %' },
    { figure: 'allocate', heading: 'many objects, ms', digits: 0, goal: 'at most 25 % slower' },
    { figure: 'compute', heading: 'much arithmetic, ms', digits: 0, goal: 'at most 25 % slower' },
  ],
  ways: BOTH,
  rounds: { quick: 1, normal: 7, long: 7 },
  run: async (way, extent) => {
    const amount = amounts(extent)
    const pool = open(way, 'bare')
    const { noop, allocate, compute } = pool.exports
    const many = async (calls: number) => {
      let left = calls
      const lane = async () => {
        while (left-- > 0) await noop()
      }
      await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
    }
    await many(WARM_UP)
    const callsMs = await timed(() => many(amount.calls))
    const tripsMs = await timed(async () => {
      for (let call = 0; call < amount.trips; call++) await noop()
    })
    await allocate(300_000)
    const allocateMs = await timed(() => allocate(amount.objects))
    await compute(10_000_000)
    const computeMs = await timed(() => compute(amount.steps))
    await pool.close()
    return {
      call: (callsMs * 1_000) / amount.calls,
      trip: (tripsMs * 1_000) / amount.trips,
      allocate: allocateMs,
      compute: computeMs,
    }
  },
}
