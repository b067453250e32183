/** Calls that are always so many at once. */
import type { OpenPool } from './libraries/library.ts'

/** Each call that ends is followed by the next, until `forMs` are over. */
export async function callsWithin(
  pool: OpenPool,
  inFlight: number,
  forMs: number,
): Promise<{ readonly calls: number; readonly seconds: number }> {
  const startedAtMs = performance.now()
  let calls = 0
  const lane = async () => {
    while (performance.now() - startedAtMs < forMs) await pool.call('noop', calls++)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return { calls, seconds: (performance.now() - startedAtMs) / 1_000 }
}

export async function manyCalls(pool: OpenPool, inFlight: number, count: number): Promise<void> {
  let left = count
  const lane = async () => {
    while (left-- > 0) await pool.call('noop', left)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}
