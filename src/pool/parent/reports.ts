/** What children report, held against what they may say: each report is one event of the machine, or a bad frame. */
import { type Failure, readFailure } from '../../support/failure.ts'
import { FrameError, type Payload } from '../protocol/frame.ts'
import type { ToParent } from '../protocol/messages.ts'
import { decodePayload } from '../protocol/payload.ts'
import type { ChildRecord } from './child-record.ts'
import type { JobTable } from './job-table.ts'
import type { PoolMachine } from './machine.ts'
import type { SupervisedJob } from './supervised-job.ts'

export interface ReportsListener {
  ready(record: ChildRecord): void
  /** A job is about to settle by itself; `ranMicros` is how long it ran, as the child measured it. */
  ended(job: SupervisedJob, ranMicros: number): void
  yielded(job: SupervisedJob, value: Payload): void
  progressed(job: SupervisedJob, value: Payload): void
}

type JobReport = Extract<ToParent, { readonly job: number }>
type EndReport = Extract<ToParent, { readonly type: 'succeeded' | 'failed' }>

export class Reports {
  readonly #machine: PoolMachine
  readonly #jobs: JobTable<SupervisedJob>
  readonly #credits: number
  readonly #listener: ReportsListener

  constructor(machine: PoolMachine, jobs: JobTable<SupervisedJob>, credits: number, listener: ReportsListener) {
    this.#machine = machine
    this.#credits = credits
    this.#jobs = jobs
    this.#listener = listener
  }

  /** @throws FrameError for what the child may not say, or not now. */
  take(record: ChildRecord, report: ToParent): void {
    const { child } = record
    switch (report.type) {
      case 'accepted':
        this.findBegun(record)
        return expect(this.#machine.accepted(child, this.#jobs.get(report.job)), record, report)
      case 'rung':
        return this.findBegun(record)
      case 'succeeded':
      case 'failed':
        return this.#ended(record, report)
      case 'recalled':
        return expect(this.#machine.recalled(child, this.#jobs.get(report.job)), record, report)
      case 'yielded': {
        const job = this.#runningJob(record, report)
        expect(job.form === 'stream' && job.streamCredit-- > 0, record, report)
        job.hasYielded = true
        return this.#listener.yielded(job, report.payload)
      }
      case 'progressed':
        return this.#listener.progressed(this.#runningJob(record, report), report.payload)
      case 'asked':
        return record.questions.take(report.job, report.payload)
      case 'ready':
        if (report.amount === 1) record.tickets = record.handle.tickets ?? null
        return this.#listener.ready(record)
      case 'broken':
        if (child.state !== 'starting') throw new FrameError('"broken" from a child that was ready')
        record.failure = readLastWords(report.payload)
        return
      case 'crashed':
        record.failure = readLastWords(report.payload)
    }
  }

  /** At what it has not told of. In this order: with a job that has begun all is heard that has ended before it. */
  look(record: ChildRecord): void {
    this.findBegun(record)
    record.handle.look?.()
  }

  /** Jobs whose tickets say that they have begun: their child says no more of it. */
  findBegun(record: ChildRecord): void {
    const { child } = record
    if (record.tickets === null || record.running === child.jobs.size) return
    let job = child.jobs.first as SupervisedJob | null
    // What has begun beyond the credits has begun behind garbage, and is nobody's doing.
    while (job !== null && record.running < this.#credits) {
      const behind = job.behind as SupervisedJob | null
      if (job.state === 'dispatched') {
        // They begin in this order.
        if (!job.tickets?.hasBegun(job.ticket)) return
        this.#machine.accepted(child, job)
      }
      job = behind
    }
  }

  #ended(record: ChildRecord, report: EndReport): void {
    const { type, amount: ranMicros, payload } = report
    const job = this.#runningJob(record, report)
    record.running--
    record.progressAtMs = performance.now()
    this.#listener.ended(job, ranMicros)
    this.#machine.finished(record.child, job, { type, payload, ranMicros })
  }

  #runningJob(record: ChildRecord, report: JobReport): SupervisedJob {
    const job = this.#jobs.get(report.job)
    if (job?.state === 'dispatched') this.findBegun(record)
    expect(job?.child === record.child && job.state === 'accepted', record, report)
    return job as SupervisedJob
  }
}

function expect(legal: boolean, { child }: ChildRecord, { type, job }: JobReport): void {
  if (legal) return
  throw new FrameError(`"${type}" for job ${job}, which child ${child.generation} does not hold in that state`)
}

function readLastWords(payload: Payload): Failure {
  try {
    return readFailure(decodePayload(payload))
  } catch (cause) {
    throw new FrameError('Last words that cannot be read', { cause })
  }
}
