/**
 * The rules of the pool, without I/O, time or randomness. Events come in as method calls, effects go out through
 * {@link PoolEffects}, to the shell (`supervisor.ts`). `staff.ts` says how many children there are, `lines.ts` which of
 * them gets a job, `fate.ts` what becomes of one whose child is gone.
 *
 *     job:    queued -> dispatched -> accepted -> settled      child:  starting -> ready -> leaving -> stopping -> gone
 *                ^___________|  recalled, or its child died             \________\_________\__________\_____/
 *
 * Kept at every step:
 * - A job settles exactly once, whatever happens, and nothing changes a settled job.
 * - A job is held by at most one child, which runs at most `credits` of them; others wait behind, where all are short.
 * - A job that was accepted by a child that died is lost; one that was only dispatched goes to another.
 * - No child takes work before it is ready, nor once it leaves or its death is ordered.
 */
import type { Failure } from '../../support/failure.ts'
import type { DeathCertificate } from './certificate.ts'
import { fateOf, fateOfRecalled } from './fate.ts'
import { JobQueue } from './job-queue.ts'
import { Lines } from './lines.ts'
import { Staff } from './staff.ts'
import type { DueReason, Estimate, MachineOptions, Outcome, Phase, PoolChild, PoolEffects, PoolJob } from './state.ts'

export class PoolMachine {
  readonly #options: MachineOptions
  readonly #effects: PoolEffects
  readonly #estimate: Estimate
  readonly #queue = new JobQueue()
  readonly staff: Staff
  readonly #lines: Lines
  #phase: Phase = 'run'
  #open = 0

  constructor(options: MachineOptions, effects: PoolEffects, estimate: Estimate) {
    this.#options = options
    this.#effects = effects
    this.#estimate = estimate
    this.staff = new Staff(options, effects)
    this.#lines = new Lines(this.staff, options.credits)
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Jobs that are not settled. */
  get open(): number {
    return this.#open
  }

  get queued(): number {
    return this.#queue.length
  }

  start(): void {
    this.staff.settle()
  }

  /** The job must be new, and the phase `run`. */
  submit(job: PoolJob): void {
    this.#open++
    this.#queue.push(job)
    this.#dispatch()
  }

  /** Takes a job back that has not started; asks the child of a started one to abort it. */
  cancel(job: PoolJob): void {
    if (job.state === 'queued') return this.#drop(job, { type: 'cancelled' })
    const { child } = job
    if (child === null || child.cancelled.has(job)) return
    child.cancelled.add(job)
    if (job.state === 'accepted') this.#effects.cancel(child, job)
    else this.#recall(child, job)
  }

  /** Ends a job at once, by its child's death if it has started; neighbours in that child are lost with it. */
  terminateJob(job: PoolJob): void {
    if (job.state === 'queued') return this.#drop(job, { type: 'terminated' })
    const { child } = job
    if (child === null || child.condemned.has(job)) return
    child.condemned.set(job, 'terminated')
    if (job.state === 'accepted') this.staff.kill(child, 'job')
    else this.#recall(child, job)
  }

  /** A job that was to end has not been given back in time: what keeps its child from doing so ends with it. */
  recallOverdue(job: PoolJob): void {
    if (job.state === 'dispatched' && job.child?.condemned.has(job)) this.staff.kill(job.child, 'job')
  }

  /** The soft limit of a running job has passed. */
  softLimitPassed(job: PoolJob): void {
    const { child } = job
    if (job.state !== 'accepted' || child?.killedFor !== null) return
    if (this.#options.interrupts) child.interrupted = job
    this.#effects.expire(child, job)
    if (child.interrupted === job) this.replace(child, 'interrupt')
  }

  /** A hard limit of a running job has passed. */
  limitPassed(job: PoolJob, limit: 'timedOut' | 'overMemory'): void {
    const { child } = job
    if (job.state !== 'accepted' || child === null) return
    if (!child.condemned.has(job)) child.condemned.set(job, limit)
    this.staff.kill(child, 'job')
  }

  /** The running job of a child takes longer than the jobs behind it should wait. */
  overrun(child: PoolChild): void {
    if (child.overrun || child.killedFor !== null) return
    child.overrun = true
    for (const job of child.jobs) if (job.state === 'dispatched') this.#recall(child, job)
  }

  /** False if the child was ready before: it has broken the protocol. Too late if its death is ordered. */
  ready(child: PoolChild): boolean {
    if (child.state !== 'starting') return false
    if (this.staff.ready(child)) this.#restaff()
    return true
  }

  /** False if the child does not hold the job in that state, or one before it waits: it has broken the protocol. */
  accepted(child: PoolChild, job: PoolJob | undefined): boolean {
    if (job?.child !== child || job.state !== 'dispatched' || job.before?.state === 'dispatched') return false
    job.state = 'accepted'
    this.#effects.accepted(job, child)
    if (child.condemned.has(job)) this.staff.kill(child, 'job')
    else if (child.cancelled.has(job)) this.#effects.cancel(child, job)
    return true
  }

  /** A result or an error arrived whole. False if the child was not running that job. */
  finished(child: PoolChild, job: PoolJob | undefined, outcome: Outcome): boolean {
    if (job?.child !== child || job.state !== 'accepted') return false
    this.#lines.remove(child, job)
    child.overrun = false
    this.staff.worked(child)
    this.#settle(job, outcome)
    this.#afterRelease(child)
    return true
  }

  /** The child gave a job back. False if it was not asked to, does not hold it, or has begun it. */
  recalled(child: PoolChild, job: PoolJob | undefined): boolean {
    if (job?.child !== child || job.state !== 'dispatched' || !child.recalled.has(job)) return false
    const outcome = fateOfRecalled(child, job, this.#phase === 'terminate')
    this.#lines.remove(child, job)
    child.taken--
    this.#conclude(job, outcome)
    this.#afterRelease(child)
    return true
  }

  /** False if it changes nothing: the child dies already, or it is stopping, and what it says does not matter. */
  badFrame(child: PoolChild): boolean {
    return child.state !== 'stopping' && this.staff.kill(child, 'bad-frame')
  }

  /** The child has not done in time what it was to do: start, exit, or take the job at the head of its line. */
  overdue(child: PoolChild, what: 'start' | 'stop' | 'unheard'): void {
    const pending = { start: 'starting', stop: 'stopping', unheard: child.state }[what]
    if (child.state === pending) this.staff.kill(child, what)
  }

  /** The process has ended and everything it wrote has been read: the verdict. */
  gone(child: PoolChild, certificate: DeathCertificate, startFailure: Failure, nowMs: number): void {
    const { state, killedFor } = child
    this.staff.gone(child)
    for (const job of [...child.jobs].reverse()) {
      // Whoever hears of one job may end the pool before the next.
      const outcome = fateOf(child, job, certificate, { ...this.#options, isTerminating: this.#phase === 'terminate' })
      this.#lines.remove(child, job)
      if (job.state === 'dispatched') job.returns++
      this.#conclude(job, outcome)
    }
    if (this.#needsChildren() && killedFor !== 'terminate') {
      if (state === 'ready' || state === 'leaving') this.staff.died(nowMs)
      else if (state === 'starting' && !this.staff.startFailed(this.#phase === 'close')) this.#giveUp(startFailure)
    }
    this.#restaff()
  }

  respawnDue(): void {
    this.staff.respawnDue()
    this.#restaff()
  }

  /** The child is to be replaced by a fresh one, without a gap. */
  replace(child: PoolChild, reason: DueReason): void {
    this.staff.due(child, reason)
    this.#restaff()
  }

  /** From now on that many children. */
  resize(size: number): void {
    this.staff.resize(size)
    this.#restaff()
  }

  /** No more jobs; ends when those it has are settled. */
  close(): void {
    if (this.#phase !== 'run') return
    this.#phase = 'close'
    this.#endIfDone()
  }

  /** Ends now: what is queued is terminated at once, what is running as soon as its child is gone. */
  terminate(): void {
    if (this.#phase === 'terminate' || this.#phase === 'ended') return
    this.#abandon({ type: 'terminated' })
    this.#endIfDone()
  }

  #drop(job: PoolJob, outcome: Outcome): void {
    this.#queue.remove(job)
    this.#settle(job, outcome)
    // It may have kept shorter ones from being put into a line.
    this.#dispatch()
    this.#endIfDone()
  }

  #recall(child: PoolChild, job: PoolJob): void {
    if (child.recalled.has(job)) return
    child.recalled.add(job)
    this.#effects.recall(child, job)
  }

  #needsChildren(): boolean {
    return this.#phase === 'run' || (this.#phase === 'close' && this.#open > 0)
  }

  /** The children have changed, or what is wanted of them. */
  #restaff(): void {
    if (this.#needsChildren()) {
      this.#dispatch() // First: a start holds everybody up.
      this.staff.settle()
      this.#dispatch()
    }
    this.#endIfDone()
  }

  #dispatch(): void {
    let exhausted = false
    while (this.#queue.length > 0) {
      const costMs = this.#estimate(this.#queue.peek() as PoolJob)
      const child = this.#lines.childFor(costMs)
      if (child === null) break
      const job = this.#queue.shift() as PoolJob
      this.#lines.add(child, job, costMs)
      this.#effects.run(child, job)
      if (!this.staff.isExhausted(child)) continue
      this.staff.due(child, 'tasks')
      exhausted = true
    }
    if (exhausted) this.staff.settle()
  }

  #afterRelease(child: PoolChild): void {
    this.staff.drained(child)
    if (child.state === 'stopping') return this.#restaff()
    this.#dispatch()
    this.#endIfDone()
  }

  #conclude(job: PoolJob, outcome: Outcome | null): void {
    if (outcome !== null) return this.#settle(job, outcome)
    job.state = 'queued'
    this.#queue.putBack(job)
    this.#effects.requeued(job)
  }

  #settle(job: PoolJob, outcome: Outcome): void {
    job.state = 'settled'
    job.child = null
    this.#open--
    this.#effects.settle(job, outcome)
  }

  #giveUp(failure: Failure): void {
    this.#effects.unstarted(failure)
    this.#abandon({ type: 'unstarted', failure })
  }

  /** `outcome`: of what is queued. */
  #abandon(outcome: Outcome): void {
    this.#phase = 'terminate'
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) this.#settle(job, outcome)
    this.staff.killAll()
  }

  #endIfDone(): void {
    if (this.#phase === 'run' || this.#phase === 'ended' || this.#open > 0) return
    if (this.staff.children.size > 0) return this.staff.dismissAll()
    this.#phase = 'ended'
    this.#effects.ended()
  }
}
