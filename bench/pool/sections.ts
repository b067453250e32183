/** The parts of the report, in its order. */
import { deaths } from './deaths/deaths.ts'
import { MEASURES } from './measures/index.ts'
import { roundsSection } from './rounds.ts'
import type { Section } from './section.ts'

export const SECTIONS: readonly Section[] = [...MEASURES.map(roundsSection), deaths]
