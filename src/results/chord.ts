/** A chord as a result backend sees it: parts that end one after the other, and the moment when all have. */
import type { ReadyState } from './meta.ts'

/** How one part has ended. */
export interface ChordPart {
  readonly taskId: string
  readonly status: ReadyState
  /** UTF-8 JSON, as in the part's {@link import('./meta.ts').ResultMeta}. */
  readonly result: Uint8Array
}

export interface ChordReport {
  readonly groupId: string
  readonly part: ChordPart
  /** Its place among the results; parts without one come last. */
  readonly index: number | null
  /** How many parts there are, where the message says so. What `openChords` was told goes before it. */
  readonly size: number | null
}

export interface ChordSize {
  readonly groupId: string
  readonly size: number
}

/**
 * The parts of a complete chord, in their order. A list among them stands for a group within the header, where the
 * backend has been told of one (Celery's `GroupResult`): its results are a list among the results.
 */
export type CompleteChord = readonly (ChordPart | CompleteChord)[]

/** Whether `next` takes the place of what the same part has said before: a success stands, as a result does. */
export function replacesPart(known: ReadyState, next: ReadyState): boolean {
  return known !== 'SUCCESS' && (next === 'SUCCESS' || known !== next)
}
