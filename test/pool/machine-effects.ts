/** What the pool's machine may ask of the world, and when: every effect is held against the model and carried out on it. */
import assert from 'node:assert/strict'
import type {
  KillReason,
  MachineOptions,
  Outcome,
  PoolChild,
  PoolEffects,
  PoolJob,
} from '../../src/pool/parent/state.ts'
import { checkRun, checkSpawn } from './machine-checks.ts'
import { type ModelChild, type ModelJob, modelChild } from './machine-model.ts'

export class MachineEffects implements PoolEffects {
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

  constructor(options: MachineOptions) {
    this.options = options
    this.size = options.size
    this.restartsLeft = options.restartsPerChild * options.size
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

  job(id: number): ModelJob {
    return this.jobs[id] as ModelJob
  }

  child(generation: number): ModelChild {
    return this.children.get(generation) as ModelChild
  }

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
    const [model, held] = [this.child(child.generation), this.job(job.id)]
    assert.ok(model.held.has(held) && held.place === 'dispatched', 'a recall of a job that has begun')
    assert.ok(!model.recalled.has(held), 'a job recalled twice')
    model.recalled.add(held)
  }

  cancel(child: PoolChild, job: PoolJob): void {
    this.#mayAct()
    assert.equal(this.job(job.id).place, 'accepted', 'an abort for a job that has not begun')
    assert.ok(this.child(child.generation).held.has(this.job(job.id)), 'an abort for a job the child does not hold')
  }

  expire(child: PoolChild, job: PoolJob): void {
    this.cancel(child, job)
    const model = this.child(child.generation)
    assert.equal(model.killedFor, null, 'a soft limit for a child whose death is ordered')
    const interrupted = child.interrupted === null ? null : this.job(child.interrupted.id)
    assert.equal(interrupted, model.interrupted, 'the machine interrupts another job than the rules')
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
    assert.equal(this.job(job.id).holder?.child, child)
  }

  requeued(job: PoolJob): void {
    assert.equal(this.job(job.id).place, 'queued', 'a job queued again that has another fate')
  }

  settle(job: PoolJob, outcome: Outcome): void {
    const model = this.job(job.id)
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
