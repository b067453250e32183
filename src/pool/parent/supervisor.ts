/** The shell around the pool's machine: carries out its effects, tells it what became of them, and decides nothing. */
import { backoffMs } from '../../support/backoff.ts'
import { type Failure, toFailure } from '../../support/failure.ts'
import { FrameError, type Payload } from '../protocol/frame.ts'
import { FIRST_STREAM_CREDIT, type StartOrder } from '../protocol/messages.ts'
import { encodePayload } from '../protocol/payload.ts'
import { certify, type DeathCertificate, startFailureOf } from './certificate.ts'
import type { ChildEnd, ChildHandle, Executor } from './child-handle.ts'
import { type ChildRecord, memoryAtReady, UNKNOWN_MEMORY } from './child-record.ts'
import { deadline } from './deadline.ts'
import { toDeath } from './death.ts'
import { JobTable } from './job-table.ts'
import { PoolMachine } from './machine.ts'
import { OomWitness } from './oom-witness.ts'
import { type Answerer, Questions } from './questions.ts'
import { Reports } from './reports.ts'
import { RunTimes } from './run-times.ts'
import type { MachineOptions, Outcome, PoolChild, PoolEffects } from './state.ts'
import { releaseTicket, type SupervisedJob, takeTicket, withRunTime } from './supervised-job.ts'
import { TimeLimits } from './time-limits.ts'
import { Trace } from './trace.ts'
import { Watch } from './watch.ts'

export interface SupervisorOptions extends MachineOptions {
  readonly executor: Executor
  readonly start: StartOrder
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly acceptTimeoutMs: number
  /** 0 for none. */
  readonly maxMemoryPerChildBytes: number
  /** Answers a child's question; absent, every question is refused. */
  readonly answer: Answerer | null
}

export interface SupervisorListener {
  accepted(job: SupervisedJob, pid: number | null): void
  yielded(job: SupervisedJob, value: Payload): void
  progressed(job: SupervisedJob, value: Payload): void
  timedOut(job: SupervisedJob, limit: 'soft' | 'hard'): void
  settled(job: SupervisedJob, outcome: Outcome): void
  started(): void
  unstarted(failure: Failure): void
  ended(): void
  childUp(pid: number | null): void
  childDown(certificate: DeathCertificate): void
}

export class Supervisor implements PoolEffects {
  readonly machine: PoolMachine
  readonly #options: SupervisorOptions
  readonly #listener: SupervisorListener
  readonly #records = new Map<PoolChild, ChildRecord>()
  /** Those that are not settled. */
  readonly jobs = new JobTable<SupervisedJob>()
  readonly #respawns = new Set<NodeJS.Timeout>()
  readonly #startOrder: Payload
  readonly #runTimes = new RunTimes()
  readonly #trace = new Trace()
  readonly #watch: Watch
  readonly #reports: Reports
  readonly #limits = new TimeLimits<SupervisedJob>(
    (job) => this.machine.softLimitPassed(job),
    (job) => this.#hardLimitPassed(job),
  )
  readonly #oomWitness = new OomWitness()

  constructor(options: SupervisorOptions, listener: SupervisorListener) {
    this.#options = options
    this.#listener = listener
    this.#startOrder = encodePayload(options.start, options.executor.sharesMemory)
    this.#watch = new Watch(this.#records, options, {
      overMemory: (job) => this.machine.limitPassed(job, 'overMemory'),
      outgrown: ({ child }) => this.machine.replace(child, 'memory'),
      unheard: ({ child }) => this.machine.overdue(child, 'unheard'),
      silent: (record) => this.#reports.look(record),
      overrun: (record, wasMisjudged) => this.#overrun(record, wasMisjudged),
    })
    this.machine = new PoolMachine(options, this, (job) => this.#estimateMs(job as SupervisedJob))
    this.#reports = new Reports(this.machine, this.jobs, options.credits, {
      ready: (record) => this.#ready(record),
      ended: (job, ranMicros) => {
        if (job.form === 'call') this.#runTimes.record(job.kind, ranMicros)
      },
      yielded: listener.yielded,
      progressed: listener.progressed,
    })
    this.machine.start()
  }

  get records(): ReadonlyMap<PoolChild, ChildRecord> {
    return this.#records
  }

  submit(job: SupervisedJob): void {
    this.#trace.job(job, 'queued')
    this.jobs.add(job)
    if (this.machine.phase === 'run') this.machine.submit(job)
    // Who subscribes to what is queued may have ended the pool.
    else process.nextTick(() => this.settle(job, { type: 'terminated' }))
  }

  /** One that waits in a child is to be given back in `stopTimeoutMs`, or it ends with its child. */
  terminateJob(job: SupervisedJob): void {
    this.machine.terminateJob(job)
    if (job.state === 'dispatched') deadline(() => this.machine.recallOverdue(job), this.#options.stopTimeoutMs)
  }

  /** Lets a stream's job yield more values. */
  credit(job: SupervisedJob, amount: number): void {
    if (job.child === null) return
    job.streamCredit += amount
    this.#send(job.child, { type: 'credit', job: job.id, amount })
  }

  spawn(child: PoolChild): void {
    // A start holds this process up for some milliseconds: nobody is to wait for what was sent already.
    for (const { handle } of this.#records.values()) handle.flush?.()
    const handle: ChildHandle = this.#options.executor.startChild(child.generation, {
      message: (message) => this.#reports.take(record, message),
      badFrame: (error) => this.#badFrame(record, error),
      ended: (end) => this.#ended(record, end),
    })
    const record: ChildRecord = {
      child,
      handle,
      tickets: null,
      questions: new Questions(handle, this.#options.answer, this.#options.executor.sharesMemory),
      failure: null,
      deadline: deadline(() => this.machine.overdue(child, 'start'), this.#options.startTimeoutMs),
      running: 0,
      progressAtMs: 0,
      memory: UNKNOWN_MEMORY,
    }
    this.#records.set(child, record)
    this.#trace.child(child, handle.pid)
    handle.send({ type: 'start', payload: this.#startOrder })
  }

  // The machine knows of jobs only what its rules need, and gives back those that it was given.
  run(child: PoolChild, job: SupervisedJob): void {
    const record = this.#records.get(child) as ChildRecord
    const ticket = takeTicket(job, record.tickets)
    this.#watch.wake()
    if (child.jobs.size - record.running === 1) record.progressAtMs = performance.now()
    if (ticket > 0 || child.jobs.size > this.#options.credits) this.#watch.wakeForLines()
    this.#trace.job(job, 'dispatched', record)
    record.handle.send({ type: job.form, job: job.id, amount: ticket, payload: job.payload })
  }

  recall(child: PoolChild, job: SupervisedJob): void {
    const { tickets, ticket } = job
    const isBack = tickets?.takeBack(ticket) ?? null
    // The child keeps nothing of it either, and if it is given it again, it is behind what it was given before.
    if (isBack !== false) this.#send(child, { type: 'recall', job: job.id })
    const record = this.#records.get(child)
    if (isBack === null || record === undefined) return
    // The machine is in the middle of a step.
    process.nextTick(() => (isBack ? this.machine.recalled(child, job) : this.#reports.findBegun(record)))
  }

  cancel(child: PoolChild, job: SupervisedJob): void {
    this.#send(child, { type: 'cancel', job: job.id })
  }

  expire(child: PoolChild, job: SupervisedJob): void {
    this.#trace.job(job, 'softTimeout', this.#records.get(child))
    this.#listener.timedOut(job, 'soft')
    this.#send(child, { type: 'expire', job: job.id })
    if (child.interrupted === job) this.#records.get(child)?.handle.interrupt?.()
  }

  leaving(child: PoolChild): void {
    this.#trace.child(child, this.#records.get(child)?.handle.pid ?? null)
  }

  stop(child: PoolChild): void {
    const record = this.#records.get(child) as ChildRecord
    this.#trace.child(child, record.handle.pid)
    record.handle.send({ type: 'stop' })
    record.deadline = deadline(() => this.machine.overdue(child, 'stop'), this.#options.stopTimeoutMs)
  }

  kill(child: PoolChild): void {
    const handle = this.#records.get(child)?.handle
    this.#trace.child(child, handle?.pid ?? null, 'killed')
    handle?.kill()
  }

  accepted(job: SupervisedJob, child: PoolChild): void {
    const record = this.#records.get(child) as ChildRecord
    record.running++
    record.progressAtMs = job.acceptedAtMs = performance.now()
    job.streamCredit = FIRST_STREAM_CREDIT
    this.#limits.arm(job)
    this.#trace.job(job, 'accepted', record)
    this.#listener.accepted(job, record.handle.pid)
  }

  requeued(job: SupervisedJob): void {
    releaseTicket(job)
    this.#limits.disarm(job)
    this.#trace.job(job, 'queued')
  }

  settle(job: SupervisedJob, outcome: Outcome): void {
    this.jobs.delete(job)
    releaseTicket(job)
    this.#limits.disarm(job)
    this.#trace.job(job, 'settled', undefined, outcome)
    this.#listener.settled(job, withRunTime(outcome, job))
  }

  respawnLater(failures: number): void {
    const afterMs = failures === 0 ? MOMENT_MS : backoffMs(failures - 1, RESPAWN_BACKOFF)
    const timer = setTimeout(() => {
      this.#respawns.delete(timer)
      this.machine.respawnDue()
    }, afterMs)
    this.#respawns.add(timer.unref())
  }

  started(): void {
    this.#listener.started()
  }

  unstarted(failure: Failure): void {
    this.#listener.unstarted(failure)
  }

  ended(): void {
    for (const timer of this.#respawns) clearTimeout(timer)
    this.#watch.end()
    this.#options.executor.end()
    this.#listener.ended()
  }

  #ready(record: ChildRecord): void {
    const { child, handle } = record
    if (child.state === 'starting') this.#clearDeadline(record)
    const { pid } = handle
    if (pid !== null) record.memory = memoryAtReady(pid)
    if (!this.machine.ready(child)) throw new FrameError('"ready" from a child that was ready')
    if (child.killedFor !== null) return
    this.#trace.child(child, pid, 'ready')
    this.#listener.childUp(pid)
  }

  #badFrame(record: ChildRecord, error: unknown): void {
    // Last words say more than the silence after them.
    if (this.machine.badFrame(record.child)) record.failure ??= toFailure(error)
  }

  #ended(record: ChildRecord, end: ChildEnd): void {
    this.#clearDeadline(record)
    const { child } = record
    this.#reports.findBegun(record)
    this.#records.delete(child)
    this.#options.executor.childGone(end)
    const isUnexplained = end.signal === 'SIGKILL' && child.killedFor === null
    const oomKilled = isUnexplained && this.#oomWitness.hasKilled(performance.now())
    const certificate = certify(toDeath(record, end, oomKilled))
    this.#trace.child(child, end.pid, 'gone')
    // The machine first: whoever is told may ask the pool for something at once.
    this.machine.gone(child, certificate, startFailureOf(certificate), performance.now())
    this.#listener.childDown(certificate)
  }

  #estimateMs(job: SupervisedJob): number {
    if (job.form !== 'call' || job.payload.bytes.length > LARGE_BYTES) return Number.POSITIVE_INFINITY
    // A signal names no job: it must find the one it is for.
    if (this.#options.interrupts) return Number.POSITIVE_INFINITY
    return this.#runTimes.p99Ms(job.kind)
  }

  #hardLimitPassed(job: SupervisedJob): void {
    if (job.state === 'accepted') this.#listener.timedOut(job, 'hard')
    this.machine.limitPassed(job, 'timedOut')
  }

  #overrun({ child }: ChildRecord, wasMisjudged: boolean): void {
    const running = wasMisjudged ? [...child.jobs].filter(({ state }) => state === 'accepted') : []
    for (const job of running) this.#runTimes.forget((job as SupervisedJob).kind)
    this.machine.overrun(child)
  }

  #send(child: PoolChild, message: Parameters<ChildHandle['send']>[0]): void {
    this.#records.get(child)?.handle.send(message)
  }

  #clearDeadline(record: ChildRecord): void {
    if (record.deadline !== null) clearTimeout(record.deadline)
    record.deadline = null
  }
}

const RESPAWN_BACKOFF = { firstMs: 100, maxMs: 30_000 }
const MOMENT_MS = 10
/** Arguments of this size are not sent ahead: what waits in a child is held twice. */
const LARGE_BYTES = 64 * 1024
