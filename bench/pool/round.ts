/** One contender, once, in a process of its own: `node round.js NAME` prints what it measured as a line of JSON. */
import { CONTENDERS, type OpenPool } from './contenders.ts'
import { IN_FLIGHT, MEASURE_MS, type Round, TRIPS, WARM_UP_MS } from './plan.ts'

const [name] = process.argv.slice(2)
const contender = CONTENDERS.find((each) => each.name === name)
if (contender === undefined) throw new Error(`No contender "${name}"`)
const pool = await contender.open()
await callsPerSecond(pool, WARM_UP_MS)
const round: Round = { callsPerSecond: await callsPerSecond(pool, MEASURE_MS), tripsMs: await tripsMs(pool) }
await pool.close()
process.stdout.write(`${JSON.stringify(round)}\n`, () => process.exit(0))

/** Calls that are always `IN_FLIGHT` at once: each one that ends is followed by the next. */
async function callsPerSecond(pool: OpenPool, forMs: number): Promise<number> {
  const startedAtMs = performance.now()
  let calls = 0
  const lane = async () => {
    while (performance.now() - startedAtMs < forMs) {
      await pool.call(calls++)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  return calls / ((performance.now() - startedAtMs) / 1000)
}

/** One call after the other, each timed from the call to its result. */
async function tripsMs(pool: OpenPool): Promise<number[]> {
  const trips: number[] = []
  for (let trip = -TRIPS / 10; trip < TRIPS; trip++) {
    const startedAtMs = performance.now()
    await pool.call(trip)
    if (trip >= 0) trips.push(performance.now() - startedAtMs)
  }
  return trips
}
