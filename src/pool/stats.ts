/** The shape of `pool.stats()`; the first three keys are those of Celery's `inspect stats`. */

/** The pool at this moment. */
export interface PoolStats {
  readonly implementation: string
  /** Jobs that can run at once. */
  readonly 'max-concurrency': number
  /** Pids of the children. */
  readonly processes: readonly number[]
  readonly phase: 'run' | 'close' | 'terminate' | 'ended'
  /** Jobs that no child has been given yet. */
  readonly queued: number
  /** Jobs that are not settled, the queued ones included. */
  readonly open: number
  /** Children in a row that died before they were ready. */
  readonly startFailures: number
  readonly uptimeMs: number
  readonly children: readonly ChildStats[]
}

/** One child of the pool at this moment. */
export interface ChildStats {
  readonly slot: number
  readonly pid: number | null
  readonly state: 'starting' | 'ready' | 'stopping' | 'gone'
  readonly startMethod: 'spawn'
  readonly jobsDone: number
  /** Ids of the jobs it holds. */
  readonly running: readonly number[]
  /** Memory that no other process shares; `null` where the system does not tell. */
  readonly privateMemoryBytes: number | null
  readonly ageMs: number
}
