/** A job with what is needed to run and watch it. */
import type { Payload } from '../protocol/frame.ts'
import type { CallForm } from '../protocol/messages.ts'
import type { Tickets } from '../protocol/tickets.ts'
import type { Outcome, PoolJob } from './state.ts'

export interface SupervisedJob extends PoolJob {
  readonly name: string
  /** Jobs of one kind are expected to take about the same time. */
  readonly kind: string
  readonly form: CallForm
  readonly payload: Payload
  /** 0 for none. */
  readonly softTimeLimitMs: number
  /** 0 for none. */
  readonly timeLimitMs: number
  /** Growth of the child since it was ready; 0 for none. */
  readonly memoryLimitBytes: number
  readonly submittedAtMs: number
  /** 0 until a child has begun it. */
  acceptedAtMs: number
  /** Values it may still yield. */
  streamCredit: number
  /** Whose `ticket` it has; `null` for none. */
  tickets: Tickets | null
  ticket: number
}

/** The certificate is the child's; how long it had the job is the job's own. */
export function withRunTime(outcome: Outcome, { acceptedAtMs }: SupervisedJob): Outcome {
  if (!('certificate' in outcome) || acceptedAtMs === 0) return outcome
  const ranMs = Math.round(performance.now() - acceptedAtMs)
  return { ...outcome, certificate: { ...outcome.certificate, ranMs } }
}

/** For the child that it is given to; 0 for none. */
export function takeTicket(job: SupervisedJob, tickets: Tickets | null): number {
  const ticket = tickets?.issue() ?? 0
  if (ticket === 0) return 0
  job.tickets = tickets
  job.ticket = ticket
  return ticket
}

/** It has left its child. */
export function releaseTicket(job: SupervisedJob): void {
  job.tickets?.release(job.ticket)
  job.tickets = null
}
