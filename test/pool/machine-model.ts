/** What the world of the pool's machine believes of jobs and children, kept from events and effects alone. */
import { certify } from '../../src/pool/parent/certificate.ts'
import type {
  Condemnation,
  DueReason,
  KillReason,
  MachineOptions,
  Outcome,
  PoolChild,
  PoolJob,
} from '../../src/pool/parent/state.ts'
import { toFailure } from '../../src/support/failure.ts'

/** What may happen: jobs are named by their number, children by their generation. */
export type WorldEvent =
  | { readonly type: 'submit'; readonly priority: number; readonly costMs: number }
  | { readonly type: 'cancel' | 'terminateJob' | 'recallOverdue' | 'softLimit'; readonly job: number }
  | { readonly type: 'limit'; readonly job: number; readonly limit: 'timedOut' | 'overMemory' }
  | { readonly type: 'ready' | 'gone' | 'goneBySigint' | 'overrun'; readonly child: number }
  | { readonly type: 'overdue'; readonly child: number; readonly what: 'start' | 'stop' | 'unheard' }
  | { readonly type: 'replace'; readonly child: number; readonly reason: DueReason }
  | { readonly type: 'accepted' | 'finished' | 'recalled'; readonly child: number; readonly job: number }
  | { readonly type: 'resize'; readonly size: number }
  | { readonly type: 'respawnDue' | 'close' | 'terminate' }

export interface ModelJob {
  readonly job: PoolJob
  readonly costMs: number
  place: 'queued' | 'dispatched' | 'accepted' | 'settled'
  holder: ModelChild | null
  returns: number
  outcome: Outcome['type'] | null
}

export interface ModelChild {
  readonly child: PoolChild
  state: 'starting' | 'ready' | 'leaving' | 'stopping'
  killedFor: KillReason | null
  due: boolean
  taken: number
  overrun: boolean
  readonly held: Set<ModelJob>
  readonly cancelled: Set<ModelJob>
  readonly recalled: Set<ModelJob>
  readonly condemned: Map<ModelJob, Condemnation>
  /** The job that the last interrupt was for. */
  interrupted: ModelJob | null
}

export function modelJob(id: number, priority: number, costMs: number): ModelJob {
  const job: PoolJob = {
    id,
    priority,
    state: 'queued',
    child: null,
    costMs: 0,
    before: null,
    behind: null,
    returns: 0,
    hasYielded: false,
  }
  return { job, costMs, place: 'queued', holder: null, returns: 0, outcome: null }
}

export function modelChild(child: PoolChild): ModelChild {
  return {
    child,
    state: 'starting',
    killedFor: null,
    due: false,
    taken: 0,
    overrun: false,
    held: new Set(),
    cancelled: new Set(),
    recalled: new Set(),
    condemned: new Map(),
    interrupted: null,
  }
}

// The rules, written a second time on purpose.
const MAX_RETURNS = 10
const LINE_MS = 20
const MAX_AHEAD = 256

/** What becomes of a job whose child is gone; `null`: it starts again. */
export function fate(
  child: ModelChild,
  job: ModelJob,
  { isTerminating, signal }: { readonly isTerminating: boolean; readonly signal: 'SIGINT' | 'SIGKILL' },
  { redeliverNeighbours }: MachineOptions,
): Outcome['type'] | null {
  const condemnation = child.condemned.get(job)
  if (condemnation !== undefined) return condemnation
  if (isTerminating) return 'terminated'
  if (signal === 'SIGINT' && child.interrupted === job) return 'interrupted'
  if (job.place === 'accepted' && child.killedFor !== 'job') return 'lost'
  if (job.place === 'accepted' || child.killedFor === 'bad-frame') {
    if (!redeliverNeighbours || child.cancelled.has(job)) return 'lost'
    return job.place === 'dispatched' && ++job.returns > MAX_RETURNS ? 'lost' : null
  }
  if (child.cancelled.has(job)) return 'cancelled'
  return ++job.returns > MAX_RETURNS ? 'lost' : null
}

/** May start or take a job, as far as the child itself goes. */
export function isWilling(child: ModelChild, { maxTasksPerChild }: MachineOptions): boolean {
  return child.state === 'ready' && child.killedFor === null && child.taken < maxTasksPerChild
}

/** May hold a job of that cost behind those that it runs. */
export function hasLineFor(costMs: number, child: ModelChild, { credits }: MachineOptions): boolean {
  if (child.overrun || child.held.size < credits || child.held.size >= credits + MAX_AHEAD) return false
  let lineMs = costMs
  for (const job of child.held) lineMs += job.costMs
  return costMs < LINE_MS && lineMs <= LINE_MS
}

export function jobsInCredit(children: Iterable<ModelChild>, { credits }: MachineOptions): number {
  let sum = 0
  for (const { held } of children) sum += Math.min(held.size, credits)
  return sum
}

/** Where a job goes that is queued, or comes back to the front of its priority. */
export function enqueue(queue: ModelJob[], job: ModelJob, toFront: boolean): void {
  const { priority } = job.job
  const isAfter = (other: ModelJob) => other.job.priority < priority || (toFront && other.job.priority === priority)
  const at = queue.findIndex(isAfter)
  queue.splice(at === -1 ? queue.length : at, 0, job)
}

/** How every child here ends: the machine passes it on unread. */
export const FAILURE = toFailure(new Error('simulated'))
export const CERTIFICATE = certify({
  pid: 1,
  exitCode: null,
  signal: 'SIGKILL',
  phase: 'running',
  ordered: null,
  failure: null,
  stderrTail: '',
  heapLimit: false,
  oomKilled: false,
  livedMs: 1,
  cpuMs: null,
  memoryBytes: null,
})
