/** All measures that are made in rounds, in the order of the report. */
import type { PoolMeasure } from '../measure.ts'
import { calls } from './calls.ts'
import { load } from './load.ts'
import { lost } from './lost.ts'
import { map } from './map.ts'
import { memory } from './memory.ts'
import { million } from './million.ts'
import { mixed } from './mixed.ts'
import { results } from './results.ts'
import { trips } from './trips.ts'
import { waits } from './waits.ts'

export const MEASURES: readonly PoolMeasure[] = [calls, trips, waits, load, mixed, results, map, million, lost, memory]
