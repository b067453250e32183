/** How the pools are measured: the same for each. */

export const ROUNDS = 5
export const WARM_UP_MS = 800
export const MEASURE_MS = 1_500
export const IN_FLIGHT = 256
export const TRIPS = 2_000

export interface Round {
  readonly callsPerSecond: number
  readonly tripsMs: readonly number[]
}
