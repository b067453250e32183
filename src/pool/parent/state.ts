/** What the pool's machine is about: jobs, children, how jobs end, and what it asks of the world. */
import type { Failure } from '../../support/failure.ts'
import type { Payload } from '../protocol/frame.ts'
import type { DeathCertificate } from './certificate.ts'
import type { JobList } from './job-list.ts'

export type Phase = 'run' | 'close' | 'terminate' | 'ended'

export type JobState = 'queued' | 'dispatched' | 'accepted' | 'settled'

export interface PoolJob {
  readonly id: number
  /** Of two queued jobs the one with the higher number starts first. */
  readonly priority: number
  state: JobState
  child: PoolChild | null
  /** What it is expected to take, when it was dispatched; `Infinity` if nobody knows. */
  costMs: number
  /** Its neighbours in the list of its child; belong to `JobList`. */
  before: PoolJob | null
  behind: PoolJob | null
  /** Times it came back because its child died before accepting it. */
  returns: number
  /** It has given values to its caller: it cannot begin again. */
  hasYielded: boolean
}

export type Outcome =
  /** `ranMicros` as the child measured it. */
  | { readonly type: 'succeeded'; readonly payload: Payload; readonly ranMicros: number }
  | { readonly type: 'failed'; readonly payload: Payload; readonly ranMicros: number }
  /** Accepted by a child that is gone. */
  | { readonly type: 'lost'; readonly certificate: DeathCertificate }
  /** Over its soft time limit, and its child did not survive the interrupt. */
  | { readonly type: 'interrupted'; readonly certificate: DeathCertificate }
  /** Over its hard time limit, and ended with its child. */
  | { readonly type: 'timedOut'; readonly certificate: DeathCertificate }
  /** Over its memory limit, and ended with its child. */
  | { readonly type: 'overMemory'; readonly certificate: DeathCertificate }
  /** Ended on order: `terminateJob`, or the pool's `terminate`. */
  | { readonly type: 'terminated' }
  /** Taken back before it started. */
  | { readonly type: 'cancelled' }
  /** The pool could not start a child. */
  | { readonly type: 'unstarted'; readonly failure: Failure }

/** What a job's child was killed for, on account of that job. */
export type Condemnation = 'terminated' | 'timedOut' | 'overMemory'

export interface PoolChild {
  /** Its number in this pool, never used again. */
  readonly generation: number
  /** Its place in the pool, from 0; taken again by a later child. */
  readonly slot: number
  /** `leaving`: takes no more and finishes what it has. `stopping`: has nothing left and was told to exit. */
  state: 'starting' | 'ready' | 'leaving' | 'stopping' | 'gone'
  /** All it was given, in that order; beyond the credits they wait in the child. */
  readonly jobs: JobList<PoolJob>
  /** The expected cost of all its jobs. */
  lineMs: number
  /** Its running job takes longer than its line allows: nothing more is put behind it. */
  overrun: boolean
  /** Jobs it was given and has not given back. */
  taken: number
  /** Jobs it has settled. */
  done: number
  /** Why it is to be replaced, once its successor is ready. */
  due: DueReason | null
  /** Jobs it was asked to abort: none of them goes to another child. */
  readonly cancelled: Set<PoolJob>
  readonly condemned: Map<PoolJob, Condemnation>
  /** Jobs it was asked to give back. */
  readonly recalled: Set<PoolJob>
  /** The job that it was last interrupted for. */
  interrupted: PoolJob | null
  /** Set once the pool has ordered its death. */
  killedFor: KillReason | null
}

export type DueReason = 'tasks' | 'memory' | 'restart' | 'interrupt'

/** `job`: on account of the jobs in `condemned`. `unheard`: it did not accept a job in time. */
export type KillReason = 'job' | 'terminate' | 'bad-frame' | 'unheard' | 'start' | 'stop'

/** What a job is expected to take, in ms; `Infinity` if its function has not proved short. */
export type Estimate = (job: PoolJob) => number

export interface PoolEffects {
  spawn(child: PoolChild): void
  run(child: PoolChild, job: PoolJob): void
  /** The child is to give the job back if it has not begun it. */
  recall(child: PoolChild, job: PoolJob): void
  cancel(child: PoolChild, job: PoolJob): void
  /** The job is over its soft limit, and is to be told; if it is the child's `interrupted`, it is to end where it is. */
  expire(child: PoolChild, job: PoolJob): void
  /** The child gets no more jobs. */
  leaving(child: PoolChild): void
  /** The child has nothing left to do, and is to exit by itself. */
  stop(child: PoolChild): void
  kill(child: PoolChild, reason: KillReason): void
  accepted(job: PoolJob, child: PoolChild): void
  /** Its child has given it back, or died before it began. */
  requeued(job: PoolJob): void
  settle(job: PoolJob, outcome: Outcome): void
  /** Report `respawnDue` after the back-off for this many failures of each child in a row; for 0 in a moment. */
  respawnLater(failures: number): void
  /** The first child is ready. */
  started(): void
  /** No child can be started, and the pool has given up. */
  unstarted(failure: Failure): void
  /** No job is open and no child is alive, and so it will stay. */
  ended(): void
}

export interface MachineOptions {
  /** Children that are wanted; jobs run in at most `size * credits` places. */
  readonly size: number
  /** Children beyond that, which are ready when one of the others dies. */
  readonly spares: number
  /** Jobs a child runs at once. */
  readonly credits: number
  /** Jobs after which a child is replaced; `Infinity` for never. */
  readonly maxTasksPerChild: number
  /** A job over its soft limit is interrupted, and its child replaced. */
  readonly interrupts: boolean
  /** A job that was lost because of another job of its child runs again instead. */
  readonly redeliverNeighbours: boolean
  /** Failed starts in a row after which the pool gives up, if no child was ever ready or it is closing. */
  readonly maxStartFailures: number
  /** Deaths of each child that are made up for at once; each second gives one back, a job that ends all. */
  readonly restartsPerChild: number
}
