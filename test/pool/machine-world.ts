/**
 * A world for the pool's machine, without processes or time: it carries out the machine's effects on a model, lets
 * anything happen that could happen to real children, and holds the machine to the rules after every event.
 */
import assert from 'node:assert/strict'
import { PoolMachine } from '../../src/pool/parent/machine.ts'
import type {
  Condemnation,
  DueReason,
  KillReason,
  MachineOptions,
  Outcome,
  PoolChild,
  PoolEffects,
  PoolJob,
} from '../../src/pool/parent/state.ts'
import { EMPTY } from '../../src/pool/protocol/frame.ts'
import { checkRun, checkSpawn, checkWorld } from './machine-checks.ts'
import {
  CERTIFICATE,
  enqueue,
  FAILURE,
  fate,
  type ModelChild,
  type ModelJob,
  modelChild,
  modelJob,
  type WorldEvent,
} from './machine-model.ts'

export class MachineWorld implements PoolEffects {
  readonly machine: PoolMachine
  readonly options: MachineOptions
  readonly jobs: ModelJob[] = []
  readonly openJobs = new Set<ModelJob>()
  readonly children = new Map<number, ModelChild>()
  queue: ModelJob[] = []
  phase: 'run' | 'close' | 'terminate' | 'ended' = 'run'
  size: number
  startFailures = 0
  restartsLeft: number
  /** Respawns that were asked for and are not due yet. */
  pendingRespawns = 0
  everReady = false
  illegalFrames = 0
  readonly expected = new Map<ModelJob, Outcome['type']>()
  expectsUnstarted = false
  readonly seen = { started: 0, unstarted: 0, ended: 0 }
  #respawnsExpected = 0

  constructor(options: MachineOptions) {
    this.options = options
    this.size = options.size
    this.restartsLeft = options.restartBudget
    this.machine = new PoolMachine(options, this, (job) => this.#job(job.id).costMs)
    this.machine.start()
    checkWorld(this)
  }

  get isOver(): boolean {
    return this.seen.ended > 0
  }

  /** Children that are to be there. */
  get wanted(): number {
    return this.size + this.options.spares
  }

  get needsChildren(): boolean {
    return this.phase === 'run' || (this.phase === 'close' && this.openJobs.size > 0)
  }

  apply(event: WorldEvent): void {
    this.happen(event)
    checkWorld(this)
  }

  /** An event whose consequences are known to be right: replayed without checking what lies between. */
  happen(event: WorldEvent): void {
    switch (event.type) {
      case 'submit':
        return this.#submit(event.priority, event.costMs)
      case 'cancel':
        return this.#takeBack(this.#job(event.job), 'cancelled')
      case 'terminateJob':
        return this.#takeBack(this.#job(event.job), 'terminated')
      case 'softLimit':
        return this.machine.softLimitPassed(this.#job(event.job).job)
      case 'limit':
        return this.#limit(this.#job(event.job), event.limit)
      case 'ready':
        return this.#ready(this.child(event.child))
      case 'accepted':
        return this.#accepted(this.child(event.child), this.jobs[event.job])
      case 'finished':
        return this.#finished(this.child(event.child), this.jobs[event.job])
      case 'recalled':
        return this.#recalled(this.child(event.child), this.jobs[event.job])
      case 'overrun':
        return this.#overrun(this.child(event.child))
      case 'overdue':
        return this.machine.overdue(this.child(event.child).child, event.what)
      case 'replace':
        return this.#replace(this.child(event.child), event.reason)
      case 'gone':
        return this.#gone(this.child(event.child))
      case 'respawnDue':
        this.pendingRespawns--
        this.#respawnsExpected--
        return this.machine.respawnDue()
      case 'resize':
        this.size = event.size
        return this.machine.resize(event.size)
      case 'close':
        if (this.phase === 'run') this.phase = 'close'
        return this.machine.close()
      case 'terminate':
        return this.#terminate()
    }
  }

  #job(id: number): ModelJob {
    return this.jobs[id] as ModelJob
  }

  child(generation: number): ModelChild {
    return this.children.get(generation) as ModelChild
  }

  #submit(priority: number, costMs: number): void {
    const model = modelJob(this.jobs.length, priority, costMs)
    this.jobs.push(model)
    this.openJobs.add(model)
    enqueue(this.queue, model, false)
    this.machine.submit(model.job)
  }

  #takeBack(model: ModelJob, how: 'cancelled' | 'terminated'): void {
    if (model.place === 'queued') {
      this.expected.set(model, how)
      this.queue = this.queue.filter((each) => each !== model)
    } else if (how === 'cancelled') model.holder?.cancelled.add(model)
    else if (model.holder !== null) this.#condemn(model.holder, model, how)
    if (how === 'cancelled') this.machine.cancel(model.job)
    else this.machine.terminateJob(model.job)
    const isDoomed = how === 'terminated' && model.place === 'accepted'
    assert.ok(!isDoomed || model.holder?.killedFor !== null, 'a condemned job keeps a living child')
  }

  #limit(model: ModelJob, limit: 'timedOut' | 'overMemory'): void {
    const strikes = model.place === 'accepted'
    if (strikes) this.#condemn(model.holder as ModelChild, model, limit)
    this.machine.limitPassed(model.job, limit)
    assert.ok(!strikes || model.holder?.killedFor !== null, 'a job over its limit keeps a living child')
  }

  #condemn(child: ModelChild, job: ModelJob, reason: Condemnation): void {
    if (!child.condemned.has(job)) child.condemned.set(job, reason)
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
    if (legal && model.condemned.has(job)) assert.notEqual(model.killedFor, null, 'a job that was to end has begun')
  }

  #finished(model: ModelChild, job: ModelJob | undefined): void {
    const legal = job?.holder === model && job.place === 'accepted'
    if (legal) {
      this.#release(model, job)
      model.overrun = false
      this.restartsLeft = this.options.restartBudget
      this.expected.set(job, 'succeeded')
    }
    const outcome: Outcome = { type: 'succeeded', payload: EMPTY }
    this.#judgeFrame(model, this.machine.finished(model.child, job?.job, outcome), legal)
  }

  #recalled(model: ModelChild, job: ModelJob | undefined): void {
    const legal = job?.holder === model && job.place === 'dispatched' && model.recalled.has(job)
    if (legal) {
      const isUnwanted = this.phase === 'terminate' || model.condemned.has(job)
      const outcome = isUnwanted ? 'terminated' : model.cancelled.has(job) ? 'cancelled' : null
      this.#release(model, job)
      model.taken--
      if (outcome === null) this.#requeue(job)
      else this.expected.set(job, outcome)
    }
    this.#judgeFrame(model, this.machine.recalled(model.child, job?.job), legal)
  }

  #overrun(model: ModelChild): void {
    if (model.killedFor === null) model.overrun = true
    this.machine.overrun(model.child)
    const waiting = [...model.held].filter(({ place }) => place === 'dispatched')
    assert.ok(
      model.killedFor !== null || waiting.every((job) => model.recalled.has(job)),
      'a job is left in a long line',
    )
  }

  #replace(model: ModelChild, reason: DueReason): void {
    if (model.state === 'starting' || model.state === 'ready') model.due = true
    this.machine.replace(model.child, reason)
  }

  #judgeFrame(model: ModelChild, accepted: boolean, legal: boolean): void {
    assert.equal(accepted, legal, 'the machine and the rules disagree on a frame')
    if (legal) return
    this.illegalFrames++
    this.machine.badFrame(model.child)
  }

  #gone(model: ModelChild): void {
    this.children.delete(model.child.generation)
    for (const job of [...model.held].reverse()) {
      const outcome = fate(model, job, this.phase === 'terminate', this.options)
      this.#release(model, job)
      if (outcome === null) this.#requeue(job)
      else this.expected.set(job, outcome)
    }
    // What settles now is not open any more when the machine asks whether it needs children.
    const isOpen = [...this.openJobs].some((job) => !this.expected.has(job))
    const needed = this.phase === 'run' || (this.phase === 'close' && isOpen)
    if (needed && model.killedFor !== 'terminate') this.#expectReplacement(model)
    this.machine.gone(model.child, CERTIFICATE, FAILURE, 0)
    assert.equal(
      this.pendingRespawns,
      this.#respawnsExpected,
      'a failed start or a storm, and nothing else, is made up for later',
    )
  }

  #expectReplacement(model: ModelChild): void {
    if (model.state === 'stopping') return
    if (model.state !== 'starting') {
      if (this.restartsLeft > 0) this.restartsLeft--
      else this.#respawnsExpected++
      return
    }
    this.startFailures++
    const othersReady = [...this.children.values()].some(({ state }) => state === 'ready' || state === 'leaving')
    const hopeless = !this.everReady || (this.phase === 'close' && !othersReady)
    if (!hopeless || this.startFailures < this.options.maxStartFailures) this.#respawnsExpected++
    else {
      this.phase = 'terminate'
      this.expectsUnstarted = true
      this.#abandonQueue('unstarted')
    }
  }

  #terminate(): void {
    if (this.phase === 'run' || this.phase === 'close') {
      this.phase = 'terminate'
      this.#abandonQueue('terminated')
    }
    this.machine.terminate()
  }

  #abandonQueue(outcome: Outcome['type']): void {
    for (const job of this.queue) this.expected.set(job, outcome)
    this.queue = []
  }

  #release(child: ModelChild, job: ModelJob): void {
    child.held.delete(job)
    child.cancelled.delete(job)
    child.recalled.delete(job)
    child.condemned.delete(job)
    job.holder = null
  }

  #requeue(job: ModelJob): void {
    job.place = 'queued'
    enqueue(this.queue, job, true)
  }

  // --- effects ---

  spawn(child: PoolChild): void {
    this.#mayAct()
    checkSpawn(this, child)
    this.children.set(child.generation, modelChild(child))
  }

  run(child: PoolChild, job: PoolJob): void {
    this.#mayAct()
    const model = this.child(child.generation)
    const next = this.queue.shift()
    assert.equal(next?.job, job, 'a job out of its turn')
    checkRun(this, model, next)
    next.place = 'dispatched'
    next.holder = model
    model.held.add(next)
    if (++model.taken >= this.options.maxTasksPerChild) model.due = true
  }

  recall(child: PoolChild, job: PoolJob): void {
    this.#mayAct()
    const [model, held] = [this.child(child.generation), this.#job(job.id)]
    assert.ok(model.held.has(held) && held.place === 'dispatched', 'a recall of a job that has begun')
    assert.ok(!model.recalled.has(held), 'a job recalled twice')
    model.recalled.add(held)
  }

  cancel(child: PoolChild, job: PoolJob): void {
    this.#mayAct()
    assert.equal(this.#job(job.id).place, 'accepted', 'an abort for a job that has not begun')
    assert.ok(this.child(child.generation).held.has(this.#job(job.id)), 'an abort for a job the child does not hold')
  }

  expire(child: PoolChild, job: PoolJob): void {
    this.cancel(child, job)
    assert.equal(this.child(child.generation).killedFor, null, 'a soft limit for a child whose death is ordered')
  }

  leaving(child: PoolChild): void {
    this.#mayAct()
    const model = this.child(child.generation)
    assert.equal(model.state, 'ready')
    model.state = 'leaving'
    if (!this.needsChildren) return
    const others = [...this.children.values()].filter((each) => each.state === 'ready' && each.killedFor === null)
    assert.ok(others.length >= this.wanted, 'a child leaves before there are enough without it')
  }

  stop(child: PoolChild): void {
    this.#mayAct()
    const model = this.child(child.generation)
    assert.equal(model.held.size, 0, 'a stop for a child that holds jobs')
    const isExhausted = model.state === 'ready' && model.taken >= this.options.maxTasksPerChild
    assert.ok(model.state === 'leaving' || isExhausted, 'a stop for a child that is wanted')
    model.state = 'stopping'
  }

  kill(child: PoolChild, reason: KillReason): void {
    this.#mayAct()
    const model = this.child(child.generation)
    assert.equal(model.killedFor, null, 'a child killed twice')
    model.killedFor = reason
  }

  accepted(job: PoolJob, child: PoolChild): void {
    assert.equal(this.#job(job.id).holder?.child, child)
  }

  requeued(job: PoolJob): void {
    assert.equal(this.#job(job.id).place, 'queued', 'a job queued again that has another fate')
  }

  settle(job: PoolJob, outcome: Outcome): void {
    const model = this.#job(job.id)
    assert.notEqual(model.place, 'settled', 'a job settled twice')
    assert.equal(outcome.type, this.expected.get(model), 'a job settled otherwise than the rules say')
    this.expected.delete(model)
    this.openJobs.delete(model)
    model.place = 'settled'
    model.holder = null
    model.outcome = outcome.type
  }

  respawnLater(): void {
    this.#mayAct()
    this.pendingRespawns++
  }

  started(): void {
    this.#mayAct()
    this.seen.started++
  }

  unstarted(): void {
    this.#mayAct()
    assert.ok(this.expectsUnstarted, 'the pool gave up too early')
    this.seen.unstarted++
  }

  ended(): void {
    assert.equal(this.seen.ended, 0, 'the end came twice')
    assert.equal(this.openJobs.size, 0, 'the end came before every job was settled')
    assert.equal(this.children.size, 0, 'the end came before every child was gone')
    this.phase = 'ended'
    this.seen.ended++
  }

  #mayAct(): void {
    assert.ok(!this.isOver, 'an effect after the end')
  }
}
