import type { ResultMeta } from './meta.ts'

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
  wait(taskId: string, options: { readonly signal: AbortSignal }): Promise<ResultMeta>
  forget(taskIds: readonly string[]): Promise<void>
  /** Gives up this handle. Pending waits reject. */
  close(): Promise<void>
}

/** What a sender of tasks does for its results to reach it. */
export interface ReplyAddress {
  /** The queue for results, which every message sent from here names as `reply_to`. Resolves when it is there. */
  open(): Promise<string>
  /** These tasks are sent from here; the results of others cannot be asked for (`CAROM_RESULT_ELSEWHERE`). */
  expect(taskIds: readonly string[]): void
}
