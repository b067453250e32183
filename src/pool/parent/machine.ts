/**
 * The rules of the pool, without I/O, time or randomness. Events come in as method calls, effects go out through
 * {@link PoolEffects}; the shell (`supervisor.ts`) carries them out and reports what became of them.
 *
 *     job:    queued -> dispatched -> accepted -> settled        child:  starting -> ready -> stopping -> gone
 *                ^___________|  child died before accepting                 \________\__________\______/
 *
 * Kept at every step:
 * - A job settles exactly once, whatever happens, and nothing changes a settled job.
 * - A job is held by at most one child, and a child holds at most `credits` jobs.
 * - A job that was accepted by a child that died is lost; one that was only dispatched goes to another child, unless
 *   it was cancelled meanwhile.
 * - There are never more than `size` children that may take work, and none takes any before it is ready.
 */
import type { Failure } from '../../support/failure.ts'
import type { DeathCertificate } from './certificate.ts'
import { JobQueue } from './job-queue.ts'
import type { KillReason, MachineOptions, Outcome, PoolChild, PoolEffects, PoolJob } from './state.ts'

export class PoolMachine {
  readonly #options: MachineOptions
  readonly #effects: PoolEffects
  readonly #queue = new JobQueue()
  readonly #children = new Set<PoolChild>()
  #phase: 'run' | 'close' | 'terminate' | 'ended' = 'run'
  #open = 0
  #generation = 0
  #startFailures = 0
  #everReady = false

  constructor(options: MachineOptions, effects: PoolEffects) {
    this.#options = options
    this.#effects = effects
  }

  get phase(): 'run' | 'close' | 'terminate' | 'ended' {
    return this.#phase
  }

  get children(): ReadonlySet<PoolChild> {
    return this.#children
  }

  /** Jobs that are not settled. */
  get open(): number {
    return this.#open
  }

  get queued(): number {
    return this.#queue.length
  }

  get startFailures(): number {
    return this.#startFailures
  }

  start(): void {
    for (let slot = 0; slot < this.#options.size; slot++) this.#spawn(slot)
  }

  /** The job must be new, and the phase `run`. */
  submit(job: PoolJob): void {
    this.#open++
    this.#queue.push(job)
    this.#dispatch()
  }

  /** Takes a queued job out; asks the child of a started one to abort it. */
  cancel(job: PoolJob): void {
    if (job.state === 'queued') {
      this.#queue.remove(job)
      this.#settle(job, { type: 'cancelled' })
      this.#endIfDone()
    } else if (job.child !== null) {
      job.child.cancelled.add(job)
      this.#effects.cancel(job.child, job)
    }
  }

  /** Ends a job at once, by its child's death if it was dispatched; neighbours in that child are lost with it. */
  terminateJob(job: PoolJob): void {
    if (job.state === 'queued') {
      this.#queue.remove(job)
      this.#settle(job, { type: 'terminated' })
      this.#endIfDone()
    } else if (job.child !== null) {
      job.child.condemned.add(job)
      this.#kill(job.child, 'job')
    }
  }

  /** False if the child was ready before: it has broken the protocol. */
  ready(child: PoolChild): boolean {
    if (child.state !== 'starting') return false
    // Too late: its death is ordered, and counts as a failed start.
    if (child.killedFor !== null) return true
    child.state = 'ready'
    this.#startFailures = 0
    if (!this.#everReady) {
      this.#everReady = true
      this.#effects.started()
    }
    this.#dispatch()
    this.#endIfDone()
    return true
  }

  /** False if the child does not hold the job in that state: it has broken the protocol. */
  accepted(child: PoolChild, job: PoolJob | undefined): boolean {
    if (job?.child !== child || job.state !== 'dispatched') return false
    job.state = 'accepted'
    this.#effects.accepted(job, child)
    return true
  }

  /** A result or an error arrived whole. False if the child was not running that job. */
  finished(child: PoolChild, job: PoolJob | undefined, outcome: Outcome): boolean {
    if (job?.child !== child || job.state !== 'accepted') return false
    child.jobs.delete(job)
    child.cancelled.delete(job)
    child.done++
    this.#settle(job, outcome)
    this.#dispatch()
    this.#endIfDone()
    return true
  }

  /** False if it changes nothing: the child dies already, or it is stopping, and what it says does not matter. */
  badFrame(child: PoolChild): boolean {
    if (child.killedFor !== null || child.state === 'stopping') return false
    this.#kill(child, 'bad-frame')
    return true
  }

  startTimedOut(child: PoolChild): void {
    if (child.state === 'starting') this.#kill(child, 'start')
  }

  stopTimedOut(child: PoolChild): void {
    if (child.state === 'stopping') this.#kill(child, 'stop')
  }

  /** The process has ended and everything it wrote has been read: the verdict. */
  gone(child: PoolChild, certificate: DeathCertificate, startFailure: Failure): void {
    const wasStarting = child.state === 'starting'
    child.state = 'gone'
    this.#children.delete(child)
    const held = [...child.jobs]
    child.jobs.clear()
    for (const job of held.reverse()) this.#judge(child, job, certificate)
    if (wasStarting && child.killedFor !== 'terminate') this.#startFailed(child.slot, startFailure)
    else this.#refill(child.slot)
    this.#dispatch()
    this.#endIfDone()
  }

  respawnDue(slot: number): void {
    this.#refill(slot)
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
    this.#phase = 'terminate'
    this.#abandonQueue({ type: 'terminated' })
    for (const child of this.#children) this.#kill(child, 'terminate')
    this.#endIfDone()
  }

  #judge(child: PoolChild, job: PoolJob, certificate: DeathCertificate): void {
    job.child = null
    if (child.condemned.has(job) || this.#phase === 'terminate') this.#settle(job, { type: 'terminated' })
    else if (job.state === 'accepted') this.#settle(job, { type: 'lost', certificate })
    else if (child.cancelled.has(job)) this.#settle(job, { type: 'cancelled' })
    else if (++job.returns > MAX_RETURNS) this.#settle(job, { type: 'lost', certificate })
    else {
      job.state = 'queued'
      this.#queue.putBack(job)
    }
  }

  #startFailed(slot: number, failure: Failure): void {
    this.#startFailures++
    if (!this.#needsChildren()) return
    if (this.#startFailures < this.#options.maxStartFailures || !this.#isHopeless()) {
      this.#effects.respawnLater(slot, this.#startFailures)
      return
    }
    this.#phase = 'terminate'
    this.#effects.unstarted(failure)
    this.#abandonQueue({ type: 'unstarted', failure })
    for (const child of this.#children) this.#kill(child, 'terminate')
  }

  /** Later starts may do better, but a pool that was never up, or is closing and has no other child, does not wait. */
  #isHopeless(): boolean {
    if (!this.#everReady) return true
    return this.#phase === 'close' && ![...this.#children].some(({ state }) => state === 'ready')
  }

  #refill(slot: number): void {
    if (this.#needsChildren()) this.#spawn(slot)
  }

  #needsChildren(): boolean {
    return this.#phase === 'run' || (this.#phase === 'close' && this.#open > 0)
  }

  #spawn(slot: number): void {
    const child: PoolChild = {
      generation: ++this.#generation,
      slot,
      state: 'starting',
      jobs: new Set(),
      cancelled: new Set(),
      done: 0,
      condemned: new Set(),
      killedFor: null,
    }
    this.#children.add(child)
    this.#effects.spawn(child)
  }

  #kill(child: PoolChild, reason: KillReason): void {
    if (child.killedFor !== null || child.state === 'gone') return
    child.killedFor = reason
    this.#effects.kill(child, reason)
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const child = this.#leastBusy()
      if (child === null) return
      const job = this.#queue.shift() as PoolJob
      job.state = 'dispatched'
      job.child = child
      child.jobs.add(job)
      this.#effects.run(child, job)
    }
  }

  #leastBusy(): PoolChild | null {
    let best: PoolChild | null = null
    let fewest = this.#options.credits
    for (const child of this.#children) {
      if (child.state !== 'ready' || child.killedFor !== null || child.jobs.size >= fewest) continue
      best = child
      fewest = child.jobs.size
      if (fewest === 0) break
    }
    return best
  }

  #settle(job: PoolJob, outcome: Outcome): void {
    job.state = 'settled'
    job.child = null
    this.#open--
    this.#effects.settle(job, outcome)
  }

  #abandonQueue(outcome: Outcome): void {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) this.#settle(job, outcome)
  }

  #endIfDone(): void {
    if (this.#phase === 'run' || this.#phase === 'ended' || this.#open > 0) return
    if (this.#children.size === 0) {
      this.#phase = 'ended'
      this.#effects.ended()
      return
    }
    for (const child of this.#children) {
      if (child.killedFor !== null) continue
      if (child.state === 'starting') this.#kill(child, 'terminate')
      else if (child.state === 'ready') {
        child.state = 'stopping'
        this.#effects.stop(child)
      }
    }
  }
}

// A child that dies between `ready` and `accepted` is not the job's fault, but ten in a row would go on for ever.
const MAX_RETURNS = 10
