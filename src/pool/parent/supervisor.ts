/**
 * The shell around the pool's machine: carries out its effects on real processes and timers, and tells it what
 * became of them. It decides nothing.
 */
import { backoffMs } from '../../support/backoff.ts'
import { type Failure, MAX_FAILURE_BYTES, readFailure, toFailure } from '../../support/failure.ts'
import { FrameError, type Payload } from '../protocol/frame.ts'
import type { StartOrder, ToParent } from '../protocol/messages.ts'
import { decodePayload, encodePayload } from '../protocol/payload.ts'
import { certify, type Death, type DeathCertificate, describeDeath } from './certificate.ts'
import { type ChildEnd, PoolChildProcess } from './child-process.ts'
import { PoolMachine } from './machine.ts'
import { type Answerer, Questions } from './questions.ts'
import { Sentry } from './sentry.ts'
import type { Outcome, PoolChild, PoolEffects, PoolJob } from './state.ts'

export interface SupervisorOptions {
  readonly processes: number
  readonly concurrencyPerChild: number
  readonly start: StartOrder
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly execArgv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Answers a child's question; absent, every question is refused. */
  readonly answer: Answerer | null
}

export interface SupervisorListener {
  accepted(job: SupervisedJob): void
  settled(job: SupervisedJob, outcome: Outcome): void
  started(): void
  unstarted(failure: Failure): void
  ended(): void
  childUp(pid: number): void
  childDown(certificate: DeathCertificate): void
}

/** A job with what must be sent to run it. */
export interface SupervisedJob extends PoolJob {
  readonly payload: Payload
}

/** What is known of one child's process beside the machine's own record. */
interface ProcessRecord {
  readonly child: PoolChild
  readonly process: PoolChildProcess
  failure: Death['failure']
  deadline: NodeJS.Timeout | null
  readonly questions: Questions
}

export class Supervisor implements PoolEffects {
  readonly machine: PoolMachine
  readonly #options: SupervisorOptions
  readonly #listener: SupervisorListener
  readonly #processes = new Map<PoolChild, ProcessRecord>()
  readonly #jobs = new Map<number, SupervisedJob>()
  readonly #respawns = new Set<NodeJS.Timeout>()
  readonly #sentry = new Sentry()
  readonly #startOrder: Payload

  constructor(options: SupervisorOptions, listener: SupervisorListener) {
    this.#options = options
    this.#listener = listener
    this.#startOrder = encodePayload(options.start)
    const { processes, concurrencyPerChild } = options
    this.machine = new PoolMachine(
      { size: processes, credits: concurrencyPerChild, maxStartFailures: Math.max(3, processes) },
      this,
    )
    this.#sentry.start()
    this.machine.start()
  }

  get processes(): ReadonlyMap<PoolChild, { readonly process: PoolChildProcess }> {
    return this.#processes
  }

  submit(job: SupervisedJob): void {
    this.#jobs.set(job.id, job)
    this.machine.submit(job)
  }

  spawn(child: PoolChild): void {
    const { execArgv, env, start, startTimeoutMs } = this.#options
    // A failure is told whole, however small the limit for results.
    const maxPayloadBytes = Math.max(start.maxPayloadBytes, MAX_FAILURE_BYTES)
    const record: ProcessRecord = {
      child,
      process: new PoolChildProcess(
        { generation: child.generation, execArgv, env, maxPayloadBytes },
        {
          message: (message) => this.#heard(record, message),
          badFrame: (error) => this.#badFrame(record, error),
          ended: (end) => this.#ended(record, end),
        },
      ),
      failure: null,
      deadline: deadline(() => this.machine.startTimedOut(child), startTimeoutMs),
      questions: new Questions(this.#options.answer, (question, answer) => {
        record.process.send({ type: 'answer', job: question, payload: answer })
      }),
    }
    this.#processes.set(child, record)
    if (record.process.pid !== null) this.#sentry.watch(record.process.pid)
    record.process.send({ type: 'start', payload: this.#startOrder })
  }

  run(child: PoolChild, job: PoolJob): void {
    this.#processes.get(child)?.process.send({ type: 'run', job: job.id, payload: (job as SupervisedJob).payload })
  }

  cancel(child: PoolChild, job: PoolJob): void {
    this.#processes.get(child)?.process.send({ type: 'cancel', job: job.id })
  }

  stop(child: PoolChild): void {
    const record = this.#processes.get(child)
    if (record === undefined) return
    record.process.send({ type: 'stop' })
    record.deadline = deadline(() => this.machine.stopTimedOut(child), this.#options.stopTimeoutMs)
  }

  kill(child: PoolChild): void {
    this.#processes.get(child)?.process.kill()
  }

  accepted(job: PoolJob): void {
    this.#listener.accepted(job as SupervisedJob)
  }

  settle(job: PoolJob, outcome: Outcome): void {
    this.#jobs.delete(job.id)
    this.#listener.settled(job as SupervisedJob, outcome)
  }

  respawnLater(slot: number, failures: number): void {
    const respawn = (): void => {
      this.#respawns.delete(timer)
      this.machine.respawnDue(slot)
    }
    const timer = setTimeout(respawn, backoffMs(failures - 1, START_BACKOFF)).unref()
    this.#respawns.add(timer)
  }

  started(): void {
    this.#listener.started()
  }

  unstarted(failure: Failure): void {
    this.#listener.unstarted(failure)
  }

  ended(): void {
    for (const timer of this.#respawns) clearTimeout(timer)
    this.#sentry.end()
    this.#listener.ended()
  }

  #heard(record: ProcessRecord, message: ToParent): void {
    const { child } = record
    switch (message.type) {
      case 'ready':
        return this.#ready(record)
      case 'accepted':
        return this.#expect(record, this.machine.accepted(child, this.#jobs.get(message.job)), message)
      case 'succeeded':
      case 'failed': {
        const outcome: Outcome = { type: message.type, payload: message.payload }
        return this.#expect(record, this.machine.finished(child, this.#jobs.get(message.job), outcome), message)
      }
      case 'asked':
        return record.questions.take(message.job, message.payload)
      case 'broken':
        if (child.state !== 'starting') throw new FrameError('"broken" from a child that was ready')
        record.failure = readLastWords(message.payload)
        return
      case 'crashed':
        record.failure = readLastWords(message.payload)
    }
  }

  #ready(record: ProcessRecord): void {
    if (record.child.state === 'starting') this.#clearDeadline(record)
    if (!this.machine.ready(record.child)) throw new FrameError('"ready" from a child that was ready')
    if (record.child.killedFor === null) this.#listener.childUp(record.process.pid as number)
  }

  #expect(record: ProcessRecord, legal: boolean, message: { readonly type: string; readonly job: number }): void {
    if (!legal)
      throw new FrameError(
        `"${message.type}" for job ${message.job}, which child ${record.child.generation} does not hold in that state`,
      )
  }

  #badFrame(record: ProcessRecord, error: unknown): void {
    // Last words say more than the silence after them.
    if (this.machine.badFrame(record.child)) record.failure ??= toFailure(error)
  }

  #ended(record: ProcessRecord, end: ChildEnd): void {
    this.#clearDeadline(record)
    const { child } = record
    this.#processes.delete(child)
    if (end.pid !== null) this.#sentry.unwatch(end.pid)
    const certificate = certify(toDeath(record, end))
    const startFailure = record.failure ?? toFailure(end.spawnError ?? new Error(describeDeath(certificate)))
    try {
      this.#listener.childDown(certificate)
    } finally {
      this.machine.gone(child, certificate, startFailure)
    }
  }

  #clearDeadline(record: ProcessRecord): void {
    if (record.deadline !== null) clearTimeout(record.deadline)
    record.deadline = null
  }
}

const START_BACKOFF = { firstMs: 100, maxMs: 30_000 }

/**
 * After a stall of this process its timers run before what its children said meanwhile is read; so the deadline has
 * passed only once that was read. It does not keep a script alive.
 */
function deadline(passed: () => void, afterMs: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(passed), afterMs).unref()
}

function readLastWords(payload: Payload): Failure {
  try {
    return readFailure(decodePayload(payload))
  } catch (cause) {
    throw new FrameError('Last words that cannot be read', { cause })
  }
}

function toDeath(record: ProcessRecord, end: ChildEnd): Death {
  const { child } = record
  const ordered = {
    job: 'neighbour',
    terminate: 'pool',
    'bad-frame': 'bad-frame',
    start: 'pool',
    stop: 'pool',
  } as const
  return {
    pid: end.pid,
    exitCode: end.exitCode,
    signal: end.signal,
    phase: child.state === 'starting' ? 'starting' : child.state === 'stopping' ? 'stopping' : 'running',
    ordered: child.killedFor === null ? null : ordered[child.killedFor],
    failure: record.failure,
    stderrTail: end.stderrTail,
    heapLimit: end.heapLimit,
    livedMs: Math.round(performance.now() - record.process.startedAtMs),
  }
}
