/**
 * What becomes of a message, by how its run went. Pure: the table of `docs/operations/when-things-die.md` as code.
 *
 * | outcome                                        | result stored           | message       | follows       |
 * | ---------------------------------------------- | ----------------------- | ------------- | ------------- |
 * | the task returned                              | SUCCESS                 | acked         | links, chain  |
 * | the task threw, or was over a limit            | FAILURE                 | acked         | error links   |
 * | its child could not read the message           | FAILURE                 | quarantined   |               |
 * | it had expired                                 | REVOKED                 | acked         | error links   |
 * | its child died, less than `maxCrashes` times   | none                    | back, counted |               |
 * | its child died once too often                  | FAILURE WorkerLostError | quarantined   | error links   |
 * | it was delivered too often                     | FAILURE WorkerLostError | quarantined   | error links   |
 * | it never ran, or was stopped by the worker     | none                    | back          |               |
 * | a neighbour in its child was killed            | none                    | back          |               |
 * | it has to go on later (`celery.chord_unlock`)  | none                    | acked         | itself        |
 * | any, but no store takes what it has led to     | FAILURE                 | quarantined   |               |
 *
 * What follows is published with the ack; a part of a chord is reported before it, whatever the outcome
 * (`follower.ts`). With the error links end the steps that the chain had left.
 *
 * A message whose headers say that its body is not read here never gets a run: `admission.ts` quarantines it, and no
 * result is stored.
 *
 * A message that was acked when its task started (`acksLate: false`) cannot go back: what would send it there is FAILURE
 * WorkerLostError instead, so that whoever waits is told; so is an attempt that was ended because nobody could say
 * whether that ack is through.
 */

import type { DeliveryCounts, DeliveryEnd } from '../brokers/broker.ts'
import type { FollowUps } from '../canvas/follow-ups.ts'
import type { DeathCertificate } from '../pool/index.ts'
import { type Failure, toFailure } from '../support/failure.ts'
import type { Elsewhere } from './neighbours.ts'
import type { FollowedUp } from './orders.ts'

export type RunOutcome =
  /** Without `followUps` nothing follows. */
  | { readonly type: 'succeeded'; readonly result: Uint8Array; readonly followUps?: FollowedUp }
  /** Without `followUps` the child did not say what follows. */
  | { readonly type: 'failed'; readonly failure: Failure; readonly followUps?: FollowUps }
  /** Nothing was run: body or headers are not what a task message has. */
  | { readonly type: 'unreadable'; readonly failure: Failure }
  /** Has to be done again later: its message is among `followUps`. */
  | { readonly type: 'later'; readonly followUps: FollowUps }
  | { readonly type: 'lost'; readonly certificate: DeathCertificate; readonly text: string }
  /** Dropped from the pool's queue, or ended by this worker on order; `why` is for whom it cannot go back. */
  | { readonly type: 'stopped'; readonly why?: string }

export interface TaskPolicy {
  readonly ignoreResult: boolean
  readonly storeErrorsEvenIfIgnored: boolean
  readonly acksLate: boolean
  readonly maxCrashes: number
}

export interface JudgedRun {
  readonly maxCrashes: number
  /** Its message is gone, or about to be: nothing can go back. */
  readonly acked: boolean
}

/** What to store, if anything, and how the delivery ends. */
export interface Verdict {
  readonly status: 'SUCCESS' | 'FAILURE' | 'REVOKED' | null
  readonly result: Uint8Array | null
  readonly failure: Failure | null
  readonly end: DeliveryEnd
}

const ACK: DeliveryEnd = { type: 'ack' }
const GIVE_BACK: DeliveryEnd = { type: 'release', delayMs: 0, count: 'none' }
const CRASHED: DeliveryEnd = { type: 'release', delayMs: 0, count: 'crash' }
const STOPPED_TEXT =
  'The worker was stopped while it ran the task, whose message was acked when it started (acksLate: false)'

export function judge(outcome: RunOutcome, counts: DeliveryCounts, run: JudgedRun): Verdict {
  switch (outcome.type) {
    case 'succeeded':
      return { status: 'SUCCESS', result: outcome.result, failure: null, end: ACK }
    case 'failed':
      return { status: 'FAILURE', result: null, failure: outcome.failure, end: ACK }
    case 'unreadable': {
      // Whoever waits is told, and the message is kept for a person: it will not be readable the next time either.
      const end: DeliveryEnd = run.acked ? ACK : { type: 'quarantine', reason: outcome.failure.message }
      return { status: 'FAILURE', result: null, failure: outcome.failure, end }
    }
    case 'later':
      return { status: null, result: null, failure: null, end: ACK }
    case 'stopped':
      return run.acked ? lostWithoutMessage(outcome.why ?? STOPPED_TEXT, {}) : givenBack(GIVE_BACK)
    case 'lost':
      return judgeLoss(outcome.certificate, outcome.text, counts, run)
  }
}

/** A message that keeps coming back without a crash of a child takes whole workers down. */
export const MAX_DELIVERIES = 20

export function tooManyDeliveries(counts: DeliveryCounts): Verdict | null {
  if (counts.deliveries <= MAX_DELIVERIES) return null
  const text = `Delivered ${counts.deliveries} times without an outcome: its workers may have died with it`
  return lostForGood(text, text, {})
}

/** Instead of an outcome that will never be stored, itself or what follows it. What was to go back goes back by its lease. */
export function unstorable({ end }: Verdict, error: unknown): Verdict | null {
  if (end.type === 'release') return null
  const failure = toFailure(error)
  const message = `The outcome of the task, or what follows it, cannot be stored: ${failure.message}`
  return {
    status: 'FAILURE',
    result: null,
    failure: { ...failure, message },
    end: { type: 'quarantine', reason: message },
  }
}

export const MAX_FOREIGN = 10

/**
 * A task that is not known here may be another worker's: it goes back, ever later. Soon again, and as often as need be,
 * where another worker knows it; at last out of the way, where nobody does.
 */
export function judgeForeign(task: string, counts: DeliveryCounts, elsewhere: Elsewhere): DeliveryEnd {
  if (elsewhere !== 'unknown' || counts.foreign + 1 < MAX_FOREIGN) {
    const mostMs = elsewhere === 'known' ? 2_000 : 60_000
    return { type: 'release', delayMs: Math.min(mostMs, 1_000 * 2 ** counts.foreign), count: 'foreign' }
  }
  return {
    type: 'quarantine',
    reason: `No worker knows the task "${task}" (asked ${MAX_FOREIGN} times)`,
    count: 'foreign',
  }
}

function judgeLoss(certificate: DeathCertificate, text: string, counts: DeliveryCounts, run: JudgedRun): Verdict {
  const innocent = certificate.killedBy === 'neighbour' || certificate.killedBy === 'pool'
  const crashes = counts.crashes + 1
  if (run.acked) return lostWithoutMessage(text, certificate)
  if (innocent) return givenBack(GIVE_BACK)
  if (crashes < run.maxCrashes) return givenBack(CRASHED)
  const message = `${text}; that was crash ${crashes} of ${run.maxCrashes}, and the task was given up`
  return { ...lostForGood(message, text, certificate), end: { type: 'quarantine', reason: text, count: 'crash' } }
}

function givenBack(end: DeliveryEnd): Verdict {
  return { status: null, result: null, failure: null, end }
}

function lostWithoutMessage(text: string, certificate: DeathCertificate | Record<string, never>): Verdict {
  return { ...lostForGood(text, text, certificate), end: ACK }
}

function lostForGood(message: string, reason: string, certificate: DeathCertificate | Record<string, never>): Verdict {
  const { pid = null, exitCode = null, signal = null, killedBy = null } = certificate as Partial<DeathCertificate>
  const failure: Failure = {
    name: 'WorkerLostError',
    message,
    stack: null,
    code: 'CAROM_WORKER_LOST',
    cause: (certificate as Partial<DeathCertificate>).failure ?? null,
    facts: { pid, exitCode, signal, killedBy },
  }
  return { status: 'FAILURE', result: null, failure, end: { type: 'quarantine', reason } }
}
