/** What a measure of pools has besides: rows that are pools, and Billiard's. */
import type { Contender, Measure } from '../measure.ts'
import type { LibraryName } from './libraries/index.ts'
import type { OpenOptions } from './libraries/library.ts'

/** One pool with its settings. */
export interface Row extends Contender {
  readonly library: LibraryName
  readonly options: Partial<OpenOptions>
}

/** `run` is not called for `billiard`, which has its own program. */
export interface PoolMeasure extends Measure<Row> {
  /** What Billiard's program is told beside the measure's name. */
  readonly forBilliard?: (isQuick: boolean) => Readonly<Record<string, number>>
}
