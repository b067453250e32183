/** All measures, in the order of the report. */
import type { Measure } from '../measure.ts'
import { first } from './first.ts'
import { forks } from './forks.ts'
import { jobs } from './jobs.ts'
import { kept } from './kept.ts'
import { memory } from './memory.ts'
import { ready } from './ready.ts'

export const MEASURES: readonly Measure[] = [ready, first, memory, kept, jobs, forks]
