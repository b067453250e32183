import type { ResultMeta } from './meta.ts'

/**
 * Keeps results. Every implementation passes the same conformance suite (`test/conformance/backend.ts`).
 */
export interface ResultBackend {
  /** Names the store behind this backend; a broker on the same store settles result and ack in one step. */
  readonly store: string
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
