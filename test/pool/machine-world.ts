/**
 * A world for the pool's machine, without processes or time: it carries out the machine's effects on a model, lets
 * anything happen that could happen to real children, and holds the machine to the rules after every event.
 *
 * The model is kept from the events and effects alone; what the machine says of itself is only compared with it.
 */
import assert from 'node:assert/strict'
import { certify } from '../../src/pool/parent/certificate.ts'
import { PoolMachine } from '../../src/pool/parent/machine.ts'
import type {
  KillReason,
  MachineOptions,
  Outcome,
  PoolChild,
  PoolEffects,
  PoolJob,
} from '../../src/pool/parent/state.ts'
import { EMPTY } from '../../src/pool/protocol/frame.ts'
import { toFailure } from '../../src/support/failure.ts'

/** What may happen: jobs are named by their number, children by their generation. */
export type WorldEvent =
  | { readonly type: 'submit' }
  | { readonly type: 'cancel' | 'terminateJob'; readonly job: number }
  | { readonly type: 'ready' | 'gone' | 'startTimedOut' | 'stopTimedOut'; readonly child: number }
  | { readonly type: 'accepted' | 'finished'; readonly child: number; readonly job: number }
  | { readonly type: 'respawnDue'; readonly slot: number }
  | { readonly type: 'close' | 'terminate' }

export interface ModelJob {
  readonly job: PoolJob
  place: 'queued' | 'dispatched' | 'accepted' | 'settled'
  holder: ModelChild | null
  returns: number
  outcome: Outcome['type'] | null
}

export interface ModelChild {
  readonly child: PoolChild
  state: 'starting' | 'ready' | 'stopping'
  killedFor: KillReason | null
  readonly held: Set<ModelJob>
  readonly cancelled: Set<ModelJob>
  readonly condemned: Set<ModelJob>
}

// The rule, written a second time on purpose.
const MAX_RETURNS = 10

export class MachineWorld implements PoolEffects {
  readonly machine: PoolMachine
  readonly options: MachineOptions
  readonly jobs: ModelJob[] = []
  readonly children = new Map<number, ModelChild>()
  /** Slots whose respawn was asked for and is not due yet. */
  readonly respawns = new Set<number>()
  phase: 'run' | 'close' | 'terminate' | 'ended' = 'run'
  startFailures = 0
  everReady = false
  illegalFrames = 0
  #queue: ModelJob[] = []
  readonly #expected = new Map<ModelJob, Outcome['type']>()
  #expectUnstarted = false
  #startedSeen = 0
  #unstartedSeen = 0
  #endedSeen = 0

  constructor(options: MachineOptions) {
    this.options = options
    this.machine = new PoolMachine(options, this)
    this.machine.start()
    this.check()
  }

  get open(): number {
    return this.jobs.filter(({ place }) => place !== 'settled').length
  }

  get isOver(): boolean {
    return this.#endedSeen > 0
  }

  /** A text that is equal for two worlds from which the same may follow. */
  key(): string {
    const name = ({ job }: ModelJob) => job.id
    const jobs = this.jobs.map((job) => `${job.place}${job.outcome ?? ''}${job.returns}`)
    const children = [...this.children.values()].map((child) => {
      const sets = [child.held, child.cancelled, child.condemned].map((set) => [...set].map(name).join())
      return `${child.child.slot}${child.state}${child.killedFor}(${sets.join(';')})`
    })
    const { phase, everReady } = this
    const failures = Math.min(this.startFailures, this.options.maxStartFailures)
    return [phase, everReady, failures, jobs, this.#queue.map(name), children, [...this.respawns].sort()].join('|')
  }

  apply(event: WorldEvent): void {
    this.happen(event)
    this.check()
  }

  /** An event whose consequences are known to be right: replayed without checking what lies between. */
  happen(event: WorldEvent): void {
    switch (event.type) {
      case 'submit':
        this.#submit()
        break
      case 'cancel':
        this.#cancel(this.#job(event.job))
        break
      case 'terminateJob':
        this.#terminateJob(this.#job(event.job))
        break
      case 'ready':
        this.#ready(this.#child(event.child))
        break
      case 'accepted':
        this.#accepted(this.#child(event.child), this.jobs[event.job])
        break
      case 'finished':
        this.#finished(this.#child(event.child), this.jobs[event.job])
        break
      case 'startTimedOut':
        this.machine.startTimedOut(this.#child(event.child).child)
        break
      case 'stopTimedOut':
        this.machine.stopTimedOut(this.#child(event.child).child)
        break
      case 'gone':
        this.#gone(this.#child(event.child))
        break
      case 'respawnDue':
        assert.ok(this.respawns.delete(event.slot))
        this.machine.respawnDue(event.slot)
        break
      case 'close':
        if (this.phase === 'run') this.phase = 'close'
        this.machine.close()
        break
      case 'terminate':
        this.#terminate()
    }
  }

  #submit(): void {
    const job: PoolJob = { id: this.jobs.length, state: 'queued', child: null, returns: 0 }
    const model: ModelJob = { job, place: 'queued', holder: null, returns: 0, outcome: null }
    this.jobs.push(model)
    this.#queue.push(model)
    this.machine.submit(job)
  }

  #cancel(model: ModelJob): void {
    if (model.place === 'queued') this.#leavesQueue(model, 'cancelled')
    else model.holder?.cancelled.add(model)
    this.machine.cancel(model.job)
  }

  #terminateJob(model: ModelJob): void {
    if (model.place === 'queued') this.#leavesQueue(model, 'terminated')
    else model.holder?.condemned.add(model)
    this.machine.terminateJob(model.job)
    assert.ok(model.holder === null || model.holder.killedFor !== null, 'a condemned job keeps a living child')
  }

  #leavesQueue(model: ModelJob, outcome: Outcome['type']): void {
    this.#expected.set(model, outcome)
    this.#queue = this.#queue.filter((each) => each !== model)
  }

  #ready(model: ModelChild): void {
    const legal = model.state === 'starting'
    if (legal && model.killedFor === null) {
      model.state = 'ready'
      this.startFailures = 0
      this.everReady = true
    }
    this.#judgeFrame(model, this.machine.ready(model.child), legal)
  }

  #accepted(model: ModelChild, job: ModelJob | undefined): void {
    const legal = job?.holder === model && job.place === 'dispatched'
    if (legal) job.place = 'accepted'
    this.#judgeFrame(model, this.machine.accepted(model.child, job?.job), legal)
  }

  #finished(model: ModelChild, job: ModelJob | undefined): void {
    const legal = job?.holder === model && job.place === 'accepted'
    if (legal) {
      model.held.delete(job)
      model.cancelled.delete(job)
      this.#expected.set(job, 'succeeded')
    }
    const outcome: Outcome = { type: 'succeeded', payload: EMPTY }
    this.#judgeFrame(model, this.machine.finished(model.child, job?.job, outcome), legal)
  }

  #judgeFrame(model: ModelChild, accepted: boolean, legal: boolean): void {
    assert.equal(accepted, legal, 'the machine and the rules disagree on a frame')
    if (legal) return
    this.illegalFrames++
    this.machine.badFrame(model.child)
  }

  #gone(model: ModelChild): void {
    const wasStarting = model.state === 'starting'
    this.children.delete(model.child.generation)
    const returned = [...model.held].filter((job) => {
      const outcome = this.#fate(model, job)
      job.holder = null
      if (outcome !== null) this.#expected.set(job, outcome)
      else job.place = 'queued'
      return outcome === null
    })
    this.#queue = [...returned, ...this.#queue]
    const again = wasStarting && model.killedFor !== 'terminate' && this.#startFailed()
    this.machine.gone(model.child, CERTIFICATE, FAILURE)
    assert.equal(this.respawns.has(model.child.slot), again, 'a failed start, and no other death, is made up for later')
  }

  #fate(child: ModelChild, job: ModelJob): Outcome['type'] | null {
    if (child.condemned.has(job) || this.phase === 'terminate') return 'terminated'
    if (job.place === 'accepted') return 'lost'
    if (child.cancelled.has(job)) return 'cancelled'
    return ++job.returns > MAX_RETURNS ? 'lost' : null
  }

  /** True if another start is to follow after a pause. */
  #startFailed(): boolean {
    this.startFailures++
    const wanted = this.phase === 'run' || (this.phase === 'close' && this.open > 0)
    const othersReady = [...this.children.values()].some(({ state }) => state === 'ready')
    const hopeless = !this.everReady || (this.phase === 'close' && !othersReady)
    if (!wanted) return false
    if (!hopeless || this.startFailures < this.options.maxStartFailures) return true
    this.phase = 'terminate'
    this.#expectUnstarted = true
    for (const job of this.#queue) this.#expected.set(job, 'unstarted')
    this.#queue = []
    return false
  }

  #terminate(): void {
    if (this.phase === 'run' || this.phase === 'close') {
      this.phase = 'terminate'
      for (const job of this.#queue) this.#expected.set(job, 'terminated')
      this.#queue = []
    }
    this.machine.terminate()
  }

  #job(id: number): ModelJob {
    return this.jobs[id] as ModelJob
  }

  #child(generation: number): ModelChild {
    return this.children.get(generation) as ModelChild
  }

  // --- effects ---

  spawn(child: PoolChild): void {
    assert.ok(!this.isOver, 'an effect after the end')
    assert.ok(this.phase === 'run' || (this.phase === 'close' && this.open > 0), 'a spawn that nobody needs')
    assert.ok(this.children.size < this.options.size, 'more children than the pool may have')
    for (const { child: other } of this.children.values()) {
      assert.notEqual(other.slot, child.slot, 'two children in one slot')
      assert.ok(other.generation < child.generation, 'a generation that was used before')
    }
    const sets = { held: new Set<ModelJob>(), cancelled: new Set<ModelJob>(), condemned: new Set<ModelJob>() }
    this.children.set(child.generation, { child, state: 'starting', killedFor: null, ...sets })
  }

  run(child: PoolChild, job: PoolJob): void {
    assert.ok(!this.isOver, 'an effect after the end')
    const model = this.#child(child.generation)
    assert.equal(model.state, 'ready', 'a job for a child that is not ready')
    assert.equal(model.killedFor, null, 'a job for a child whose death is ordered')
    assert.ok(model.held.size < this.options.credits, 'more jobs than the child has credits')
    const next = this.#queue.shift()
    assert.equal(next?.job, job, 'a job out of its turn')
    next.place = 'dispatched'
    next.holder = model
    model.held.add(next)
  }

  cancel(child: PoolChild, job: PoolJob): void {
    assert.ok(!this.isOver, 'an effect after the end')
    assert.ok(this.#child(child.generation).held.has(this.#job(job.id)), 'a cancel for a job the child does not hold')
  }

  stop(child: PoolChild): void {
    assert.ok(!this.isOver, 'an effect after the end')
    const model = this.#child(child.generation)
    assert.equal(model.state, 'ready')
    assert.equal(model.held.size, 0, 'a stop for a child that holds jobs')
    assert.ok(this.phase === 'close' && this.open === 0, 'a stop while there is work')
    model.state = 'stopping'
  }

  kill(child: PoolChild, reason: KillReason): void {
    assert.ok(!this.isOver, 'an effect after the end')
    const model = this.#child(child.generation)
    assert.equal(model.killedFor, null, 'a child killed twice')
    model.killedFor = reason
  }

  accepted(job: PoolJob, child: PoolChild): void {
    assert.equal(this.#job(job.id).holder?.child, child)
  }

  settle(job: PoolJob, outcome: Outcome): void {
    const model = this.#job(job.id)
    assert.notEqual(model.place, 'settled', 'a job settled twice')
    assert.equal(outcome.type, this.#expected.get(model), 'a job settled otherwise than the rules say')
    this.#expected.delete(model)
    model.place = 'settled'
    model.holder = null
    model.outcome = outcome.type
  }

  respawnLater(slot: number, failures: number): void {
    assert.ok(!this.isOver, 'an effect after the end')
    assert.ok(!this.respawns.has(slot), 'two respawns for one slot')
    assert.equal(failures, this.startFailures)
    this.respawns.add(slot)
  }

  started(): void {
    assert.ok(!this.isOver, 'an effect after the end')
    this.#startedSeen++
  }

  unstarted(): void {
    assert.ok(!this.isOver, 'an effect after the end')
    assert.ok(this.#expectUnstarted, 'the pool gave up too early')
    this.#unstartedSeen++
  }

  ended(): void {
    assert.equal(this.#endedSeen, 0, 'the end came twice')
    assert.equal(this.open, 0, 'the end came before every job was settled')
    assert.equal(this.children.size, 0, 'the end came before every child was gone')
    this.phase = 'ended'
    this.#endedSeen++
  }

  /** The rules that hold between any two events. */
  check(): void {
    assert.equal(this.#expected.size, 0, 'jobs that should have settled did not')
    assert.equal(this.#startedSeen, this.everReady ? 1 : 0, 'started is told once, with the first child')
    assert.equal(this.#unstartedSeen, this.#expectUnstarted ? 1 : 0, 'giving up is told once')
    assert.equal(this.machine.phase, this.phase)
    assert.equal(this.machine.open, this.open)
    assert.equal(this.machine.queued, this.#queue.length)
    assert.equal(this.machine.startFailures, this.startFailures)
    for (const { job, place, holder, returns } of this.jobs) {
      assert.equal(job.state, place)
      assert.equal(job.child, holder?.child ?? null)
      assert.equal(job.returns, returns)
    }
    this.#checkChildren()
    const over = this.phase !== 'run' && this.open === 0 && this.children.size === 0
    assert.equal(this.isOver, over, 'the end is told when nothing is left, and not before')
  }

  #checkChildren(): void {
    const wanted = this.phase === 'run' || (this.phase === 'close' && this.open > 0)
    const generations = [...this.machine.children].map(({ generation }) => generation)
    assert.equal(generations.join(), [...this.children.keys()].join(), 'the machine knows other children')
    for (const { child, state, held, killedFor } of this.children.values()) {
      assert.equal(child.state, state)
      assert.equal(child.killedFor, killedFor)
      assert.equal(numbers(child.jobs), numbers([...held].map(({ job }) => job)), 'a child holds other jobs')
      const idle = state === 'ready' && killedFor === null && held.size < this.options.credits
      assert.ok(this.#queue.length === 0 || !idle, 'a job waits beside a child that has room')
      assert.ok(wanted || killedFor !== null || state === 'stopping', 'a child that nobody needs is left alone')
    }
    if (!wanted) return
    const slots = [...[...this.children.values()].map(({ child }) => child.slot), ...this.respawns]
    assert.equal(new Set(slots).size, slots.length, 'a slot has a child and waits for one')
    assert.equal(slots.length, this.options.size, 'a slot has no child and waits for none')
  }
}

function numbers(jobs: Iterable<PoolJob>): string {
  return Array.from(jobs, ({ id }) => id).join()
}

const FAILURE = toFailure(new Error('simulated'))
const CERTIFICATE = certify({
  pid: 1,
  exitCode: null,
  signal: 'SIGKILL',
  phase: 'running',
  ordered: null,
  failure: null,
  stderrTail: '',
  heapLimit: false,
  livedMs: 1,
})
