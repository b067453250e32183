import type { ChordReport, ChordSize, CompleteChord } from './chord.ts'
import type { ResultMeta } from './meta.ts'
import type { SavedGroup } from './saved-group.ts'

/**
 * Keeps results. Every implementation passes the same conformance suite (`test/conformance/backend.ts`).
 */
export interface ResultBackend {
  /** Names the store behind this backend; a broker on the same store settles result and ack in one step. */
  readonly store: string
  /** There where results are messages to whoever sent the task, and absent where they are stored. */
  readonly replies?: ReplyAddress
  /** Resolves when all are durable. A stored `SUCCESS` is never overwritten (Celery's rule); anything else is. */
  save(metas: readonly ResultMeta[]): Promise<void>
  /** In the order asked; `null` where nothing is stored. */
  load(taskIds: readonly string[]): Promise<(ResultMeta | null)[]>
  /**
   * Resolves with the meta once its status is ready (`SUCCESS`, `FAILURE`, `REVOKED`), at once if it already is.
   * Woken by the store, with a slow check behind it. Rejects with `signal.reason` when aborted.
   */
  wait(taskId: string, options: { readonly signal: WaitSignal }): Promise<ResultMeta>
  forget(taskIds: readonly string[]): Promise<void>
  /** Resolves when it is durable. A group of that id that was saved before is replaced. It goes with the age of results. */
  saveGroup(group: SavedGroup): Promise<void>
  /** `null` where none is saved, and for what cannot be read as a group. */
  loadGroup(groupId: string): Promise<SavedGroup | null>
  /** Leaves the results of its tasks. */
  forgetGroup(groupId: string): Promise<void>
  /** Says how many parts each chord has; resolves when that is durable. To be called before the last part is published. */
  openChords(chords: readonly ChordSize[]): Promise<void>
  /**
   * Notes how a part of a chord has ended, and resolves, once that is durable, with all parts in order if the chord is
   * complete: if there are exactly as many as it has. A part that ends again is noted once; a `SUCCESS` of it stands.
   * So a report can be repeated, and completes the chord again, until the chord is closed. `null` while parts are
   * missing, and for a chord of which nobody has said how many parts it has.
   */
  joinChord(report: ChordReport): Promise<CompleteChord | null>
  /** Forgets the parts of chords whose body has been published. What nobody closes goes with the age of results. */
  closeChords(groupIds: readonly string[]): Promise<void>
  /** Gives up this handle. Pending waits reject. */
  close(): Promise<void>
}

/** What ends a wait early: as much of an AbortSignal as is asked for. */
export interface WaitSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What a sender of tasks does for its results to reach it. */
export interface ReplyAddress {
  /** The queue for results, which every message sent from here names as `reply_to`. Resolves when it is there. */
  open(): Promise<string>
  /** These tasks are sent from here; the results of others cannot be asked for (`CAROM_RESULT_ELSEWHERE`). */
  expect(taskIds: readonly string[]): void
}
