/** What the pool's machine is about: jobs, children, how jobs end, and what it asks of the world. */
import type { Failure } from '../../support/failure.ts'
import type { Payload } from '../protocol/frame.ts'
import type { DeathCertificate } from './certificate.ts'

export type JobState = 'queued' | 'dispatched' | 'accepted' | 'settled'

export interface PoolJob {
  readonly id: number
  state: JobState
  child: PoolChild | null
  /** Times it came back because its child died before accepting it. */
  returns: number
}

export type Outcome =
  | { readonly type: 'succeeded'; readonly payload: Payload }
  | { readonly type: 'failed'; readonly payload: Payload }
  /** Accepted by a child that is gone. */
  | { readonly type: 'lost'; readonly certificate: DeathCertificate }
  /** Ended on order: `terminateJob`, or the pool's `terminate`. */
  | { readonly type: 'terminated' }
  /** Taken out of the queue before it started. */
  | { readonly type: 'cancelled' }
  /** The pool could not start a child. */
  | { readonly type: 'unstarted'; readonly failure: Failure }

export interface PoolChild {
  /** Its number in this pool, never used again. */
  readonly generation: number
  readonly slot: number
  state: 'starting' | 'ready' | 'stopping' | 'gone'
  readonly jobs: Set<PoolJob>
  /** Jobs it has settled. */
  done: number
  /** Jobs it was asked to abort: none of them goes to another child. */
  readonly cancelled: Set<PoolJob>
  /** Jobs it was killed for, on order. */
  readonly condemned: Set<PoolJob>
  /** Set once the pool has ordered its death. */
  killedFor: KillReason | null
}

export type KillReason = 'job' | 'terminate' | 'bad-frame' | 'start' | 'stop'

export interface PoolEffects {
  spawn(child: PoolChild): void
  run(child: PoolChild, job: PoolJob): void
  cancel(child: PoolChild, job: PoolJob): void
  /** The child is to finish and exit by itself. */
  stop(child: PoolChild): void
  kill(child: PoolChild, reason: KillReason): void
  accepted(job: PoolJob, child: PoolChild): void
  settle(job: PoolJob, outcome: Outcome): void
  /** Report `respawnDue(slot)` after the back-off for this many failed starts in a row. */
  respawnLater(slot: number, failures: number): void
  /** The first child is ready. */
  started(): void
  /** No child can be started, and the pool has given up. */
  unstarted(failure: Failure): void
  /** No job is open and no child is alive, and so it will stay. */
  ended(): void
}

export interface MachineOptions {
  readonly size: number
  /** Jobs a child runs at once. */
  readonly credits: number
  /** Failed starts in a row after which the pool gives up, if no child was ever ready or it is closing. */
  readonly maxStartFailures: number
}
