/** The parts of the report, in its order. */
import { roundsSection } from '../rounds.ts'
import type { Section } from '../section.ts'
import { QUEUES } from './field.ts'
import { MEASURES } from './measures/index.ts'

export const SECTIONS: readonly Section[] = MEASURES.map((measure) => roundsSection(QUEUES, measure))
