/** The pool at a moment: the keys of Celery's `inspect stats` for a pool, and our own. */
import { privateMemory } from '../support/memory.ts'
import type { PoolEngine } from './engine.ts'
import type { Phase, PoolChild } from './parent/state.ts'
import type { DurationStats } from './run-histograms.ts'

/** What `pool.stats()` gives. The keys with hyphens, `processes`, `timeouts` and `writes` are Celery's. */
export interface PoolStats {
  readonly implementation: string
  /** Jobs that can run at once. */
  readonly 'max-concurrency': number
  /** Pids of the children; none where they are no processes. */
  readonly processes: readonly number[]
  readonly 'max-tasks-per-child': number | 'N/A'
  readonly 'put-guarded-by-semaphore': boolean
  /** The pool's soft and hard time limits in seconds, as Celery has them; 0 for none. */
  readonly timeouts: readonly [soft: number, hard: number]
  /** Jobs given to the children that are there. */
  readonly writes: {
    readonly total: number
    /** An average child's share. */
    readonly avg: string
    /** Each child's share. */
    readonly all: string
    /** Each child's jobs. */
    readonly raw: string
    readonly strategy: 'fair'
    readonly inqueues: { readonly total: number; readonly active: number }
  }
  readonly phase: Phase
  /** Jobs that no child has been given yet. */
  readonly queued: number
  /** Jobs that are not settled, the queued ones included. */
  readonly open: number
  /** Children in a row that died before they were ready. */
  readonly startFailures: number
  /** Open while children die faster than they are replaced at once; it closes by itself. */
  readonly breaker: { readonly state: 'closed' | 'open'; readonly delayedRestarts: number }
  readonly uptimeMs: number
  /** From the call until a child has begun the job. */
  readonly waitMs: DurationStats
  /** Of jobs that ended by themselves, as their children measured it. */
  readonly runMs: DurationStats
  readonly children: readonly ChildStats[]
}

/** One child of the pool at this moment. */
export interface ChildStats {
  /** Its place, from 0. */
  readonly slot: number
  /** `null` for a thread, for this process itself, and for a process that could not be started. */
  readonly pid: number | null
  readonly state: PoolChild['state']
  readonly startMethod: 'spawn' | 'fork' | 'thread' | 'inline'
  readonly jobsDone: number
  /** Ids of the jobs it has begun. */
  readonly running: readonly number[]
  /** Ids of the jobs it was given ahead. */
  readonly waiting: readonly number[]
  /** Memory that no other process shares; `null` where the system does not tell. */
  readonly privateMemoryBytes: number | null
  readonly ageMs: number
}

export function poolStats({ options, supervisor, histograms, startedAtMs }: PoolEngine): PoolStats {
  const { machine, records } = supervisor
  const { staff } = machine
  const children = [...records.values()].map(({ child, handle }) => ({
    slot: child.slot,
    pid: handle.pid,
    state: child.state,
    startMethod: handle.startMethod,
    jobsDone: child.done,
    running: idsOf(child, 'accepted'),
    waiting: idsOf(child, 'dispatched'),
    privateMemoryBytes: handle.pid === null ? null : privateMemory(handle.pid),
    ageMs: Math.round(performance.now() - handle.startedAtMs),
  }))
  const { softTimeLimitMs, timeLimitMs } = options.limits
  const { maxTasksPerChild } = options
  return {
    implementation: `carom.pool:${options.executor}`,
    'max-concurrency': staff.size * options.concurrencyPerChild,
    processes: children.flatMap(({ pid }) => (pid === null ? [] : [pid])),
    'max-tasks-per-child': Number.isFinite(maxTasksPerChild) ? maxTasksPerChild : 'N/A',
    'put-guarded-by-semaphore': false,
    timeouts: [softTimeLimitMs / 1_000, timeLimitMs / 1_000],
    writes: writesOf([...records.keys()]),
    phase: machine.phase,
    queued: machine.queued,
    open: machine.open,
    startFailures: staff.startFailures,
    breaker: { state: staff.overdrawn > 0 ? 'open' : 'closed', delayedRestarts: staff.overdrawn },
    uptimeMs: Math.round(performance.now() - startedAtMs),
    waitMs: histograms.wait,
    runMs: histograms.run,
    children,
  }
}

function idsOf({ jobs }: PoolChild, state: 'accepted' | 'dispatched'): number[] {
  return [...jobs].filter((job) => job.state === state).map(({ id }) => id)
}

function writesOf(children: readonly PoolChild[]): PoolStats['writes'] {
  const raw = children.map(({ taken }) => taken)
  const total = raw.reduce((sum, taken) => sum + taken, 0)
  const share = (taken: number) => `${(total === 0 ? 0 : (100 * taken) / total).toFixed(2)}%`
  return {
    total,
    avg: share(total / Math.max(1, raw.length)),
    all: raw.map(share).join(', '),
    raw: raw.join(', '),
    strategy: 'fair',
    inqueues: { total: children.length, active: children.filter(({ jobs }) => jobs.size > 0).length },
  }
}
