/** A job with what is needed to run and watch it. */
import type { Payload } from '../protocol/frame.ts'
import type { CallForm } from '../protocol/messages.ts'
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
}

/** The certificate is the child's; how long it had the job is the job's own. */
export function withRunTime(outcome: Outcome, { acceptedAtMs }: SupervisedJob): Outcome {
  if (!('certificate' in outcome) || acceptedAtMs === 0) return outcome
  const ranMs = Math.round(performance.now() - acceptedAtMs)
  return { ...outcome, certificate: { ...outcome.certificate, ranMs } }
}
