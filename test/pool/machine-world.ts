/**
 * A world for the pool's machine, without processes or time: it lets anything happen that could happen to
 * real children, on a model, and holds the machine to the rules after every event.
 */
import assert from 'node:assert/strict'
import { PoolMachine } from '../../src/pool/parent/machine.ts'
import type { Condemnation, DueReason, MachineOptions, Outcome } from '../../src/pool/parent/state.ts'
import { EMPTY } from '../../src/pool/protocol/frame.ts'
import { checkWorld } from './machine-checks.ts'
import { MachineEffects } from './machine-effects.ts'
import {
  CERTIFICATE,
  enqueue,
  FAILURE,
  fate,
  type ModelChild,
  type ModelJob,
  modelJob,
  type WorldEvent,
} from './machine-model.ts'

export class MachineWorld extends MachineEffects {
  readonly machine: PoolMachine
  #respawnsExpected = 0

  constructor(options: MachineOptions) {
    super(options)
    this.machine = new PoolMachine(options, this, (job) => this.job(job.id).costMs)
    this.machine.start()
    checkWorld(this)
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
        return this.#takeBack(this.job(event.job), 'cancelled')
      case 'terminateJob':
        return this.#takeBack(this.job(event.job), 'terminated')
      case 'recallOverdue':
        return this.#recallOverdue(this.job(event.job))
      case 'softLimit':
        return this.#softLimit(this.job(event.job))
      case 'limit':
        return this.#limit(this.job(event.job), event.limit)
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
        return this.#gone(this.child(event.child), 'SIGKILL')
      case 'goneBySigint':
        return this.#gone(this.child(event.child), 'SIGINT')
      case 'respawnDue':
        this.pendingRespawns--
        this.#respawnsExpected--
        return this.machine.respawnDue()
      case 'resize':
        return this.#resize(event.size)
      case 'close':
        if (this.phase === 'run') this.phase = 'close'
        return this.machine.close()
      case 'terminate':
        return this.#terminate()
    }
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

  #recallOverdue(model: ModelJob): void {
    const { holder, place } = model
    this.machine.recallOverdue(model.job)
    if (place !== 'dispatched' || !holder?.condemned.has(model)) return
    assert.ok(holder.killedFor !== null, 'a job that was to end waits without end')
  }

  #softLimit(model: ModelJob): void {
    const { holder, place } = model
    const strikes = place === 'accepted' && holder?.killedFor === null
    if (strikes && this.options.interrupts) {
      holder.interrupted = model
      if (holder.state === 'ready') holder.due = true
    }
    this.machine.softLimitPassed(model.job)
  }

  #resize(size: number): void {
    const { restartsPerChild } = this.options
    this.restartsLeft += restartsPerChild * Math.max(0, size - this.size)
    this.restartsLeft = Math.min(this.restartsLeft, restartsPerChild * size)
    this.size = size
    this.machine.resize(size)
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
    const [next] = [...model.held].filter(({ place }) => place === 'dispatched')
    const legal = job !== undefined && job === next
    if (legal) job.place = 'accepted'
    this.#judgeFrame(model, this.machine.accepted(model.child, job?.job), legal)
    if (legal && model.condemned.has(job)) assert.notEqual(model.killedFor, null, 'a job that was to end has begun')
  }

  #finished(model: ModelChild, job: ModelJob | undefined): void {
    const legal = job?.holder === model && job.place === 'accepted'
    if (legal) {
      this.#release(model, job)
      model.overrun = false
      this.restartsLeft = this.options.restartsPerChild * this.size
      this.expected.set(job, 'succeeded')
    }
    const outcome: Outcome = { type: 'succeeded', payload: EMPTY, ranMicros: 1 }
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

  #gone(model: ModelChild, signal: 'SIGINT' | 'SIGKILL'): void {
    this.children.delete(model.child.generation)
    for (const job of [...model.held].reverse()) {
      const outcome = fate(model, job, { isTerminating: this.phase === 'terminate', signal }, this.options)
      this.#release(model, job)
      if (outcome === null) this.#requeue(job)
      else this.expected.set(job, outcome)
    }
    // What settles now is not open any more when the machine asks whether it needs children.
    const isOpen = [...this.openJobs].some((job) => !this.expected.has(job))
    const needed = this.phase === 'run' || (this.phase === 'close' && isOpen)
    if (needed && model.killedFor !== 'terminate') this.#expectReplacement(model)
    this.machine.gone(model.child, { ...CERTIFICATE, signal }, FAILURE, 0)
    assert.equal(
      this.pendingRespawns,
      this.#respawnsExpected,
      'a failed start, a storm, or a spare child that took over, and nothing else, is made up for later',
    )
  }

  #expectReplacement(model: ModelChild): void {
    if (model.state === 'stopping') return
    if (model.state !== 'starting') {
      const able = [...this.children.values()].filter(({ state, killedFor }) => state === 'ready' && killedFor === null)
      if (this.restartsLeft === 0 || able.length >= this.size) this.#respawnsExpected++
      if (this.restartsLeft > 0) this.restartsLeft--
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
}
