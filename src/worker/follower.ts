/**
 * Carries out what follows a task, up to the settlement: opens chords, stores the outcome under the ids of those that
 * will never run, reports to chords, and has the bodies of those that are complete made into messages. All of it can
 * be repeated: it is done before the message is acked, and done again if that comes to nothing. What is to be
 * published is given back, and goes with the settlement.
 */

import type { Consumer, DeliveryEnd, Outgoing } from '../brokers/broker.ts'
import type { PartOfChord } from '../canvas/follow-ups.ts'
import { CaromError } from '../errors.ts'
import { encodeFailure } from '../message/failure-meta.ts'
import { showsThatNothingFollows } from '../message/nothing-follows.ts'
import { encodeWireJson } from '../message/wire-json.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { ReadyState, ResultMeta } from '../results/meta.ts'
import type { Failure } from '../support/failure.ts'
import { chordError, type FinishedChord } from './child/follow.ts'
import { checkFinishedChord, checkFollowUps } from './child/said.ts'
import type { InternalJobs } from './internal-jobs.ts'
import type { Logger } from './log.ts'
import type { ChordOrder, FollowedUp } from './orders.ts'
import type { Request } from './request.ts'
import { runOrder } from './request.ts'
import type { Verdict } from './verdict.ts'

/** `unread`: the message may carry something, and no child has looked. */
export type Follow = FollowedUp | 'unread' | null

export interface CarriedOut {
  /** To be published in the settlement. */
  readonly next: readonly Outgoing[]
  /** To be closed after it. */
  readonly completed: readonly string[]
  /** How the delivery ends, where not as judged. */
  readonly end: DeliveryEnd
  /** The claim was found lost, and nothing has been stored. */
  readonly lost: boolean
  /** The outcome is stored already: a chord may look for the results of its parts. */
  readonly saved: boolean
}

/** One part and how it has ended. */
interface Report extends PartOfChord {
  readonly status: ReadyState
  readonly result: Uint8Array
}

export interface FollowerParts {
  readonly backend: ResultBackend
  readonly consumer: Consumer
  readonly internal: InternalJobs
  readonly log: Logger
}

export class Follower {
  readonly #parts: FollowerParts

  constructor(parts: FollowerParts) {
    this.#parts = parts
  }

  /** `meta` is the outcome, also of a task whose own result nobody wants. */
  async carryOut(request: Request, verdict: Verdict, meta: ResultMeta, follow: Follow): Promise<CarriedOut> {
    const nothing = { next: [], completed: [], end: verdict.end, lost: false, saved: false }
    const read = follow === 'unread' ? await this.#look(request, verdict.end) : { followUps: follow, end: verdict.end }
    if (read.followUps === null) return { ...nothing, end: read.end }
    const followUps = this.#withoutChords(request, read.followUps)
    const { messages, chords, parts, ended } = followUps
    if (needsNoMore(followUps)) return { ...nothing, next: messages, end: read.end }
    if (!(await this.#stands(request))) return { ...nothing, lost: true }
    const { backend } = this.#parts
    if (chords.length > 0) await backend.openChords(chords)
    await backend.save([
      ...(request.ignores(verdict.status) ? [] : [meta]),
      ...ended.map((task) => ({ ...meta, ...task, children: [], ...replyFor(task.taskId, meta) })),
    ])
    const reports = parts.map((part) => ({ ...part, status: meta.status as ReadyState, result: meta.result }))
    return { ...nothing, ...(await this.#report(request, reports, followUps)), end: read.end, saved: true }
  }

  /** Forgets the chords whose bodies are published. That can fail: they go with their age. */
  async close(completed: readonly string[]): Promise<void> {
    if (completed.length === 0) return
    await this.#parts.backend.closeChords(completed).catch((error: unknown) => {
      this.#parts.log.warn({ err: error, chords: completed.length }, 'Chords that are done could not be forgotten yet')
    })
  }

  /** A stranger's embed, which no child has read: it is read now. One that kills whoever reads it goes out of the way. */
  async #look(request: Request, end: DeliveryEnd): Promise<{ followUps: FollowedUp | null; end: DeliveryEnd }> {
    const answer = await this.#parts.internal.ask('fail', runOrder(request.delivery), checkFollowUps)
    switch (answer.type) {
      case 'said':
        return { followUps: answer.value, end }
      case 'stopped':
        throw stopped('it was known what follows the task')
      default: {
        const { taskId, task } = request
        const reason = `What follows the task could not be read: ${answer.failure.message}`
        this.#parts.log.error({ taskId, task, error: answer.failure.name }, reason)
        return {
          followUps: null,
          end: answer.type === 'died' && end.type === 'ack' ? { type: 'quarantine', reason } : end,
        }
      }
    }
  }

  async #stands({ token, acknowledgement }: Request): Promise<boolean> {
    return acknowledgement !== null || (await this.#parts.consumer.renew([token])).length === 0
  }

  /** Where results are messages, nobody can count a chord: it is given up aloud, and all else that follows goes on. */
  #withoutChords(request: Request, followUps: FollowedUp): FollowedUp {
    const { chords, parts, unlocked, ...others } = followUps
    const hasAny = chords.length > 0 || parts.length > 0 || unlocked !== undefined
    if (this.#parts.backend.replies === undefined || !hasAny) return followUps
    const { taskId, task } = request
    const advice = 'name a result backend that stores results'
    this.#parts.log.error({ taskId, task }, `The chord of a task cannot end with results as messages (rpc): ${advice}`)
    return { ...others, chords: [], parts: [] }
  }

  /** A body that fails may be a part itself: the list grows while it is gone through. */
  async #report(request: Request, parts: readonly Report[], { messages, unlocked }: FollowedUp) {
    const { backend } = this.#parts
    const next = [...messages]
    const completed: string[] = []
    const reports = [...parts]
    const finish = async (order: ChordOrder): Promise<void> => {
      const { followUps, failure } = await this.#finish(order)
      completed.push(order.groupId)
      next.push(...followUps.messages)
      if (followUps.chords.length > 0) await backend.openChords(followUps.chords)
      if (failure === null || reports.length > MAX_REPORTS) return
      const failed = failedMeta(failure, order)
      await backend.save(followUps.ended.map((task) => ({ ...failed, ...task })))
      reports.push(...followUps.parts.map((part) => ({ ...part, status: 'FAILURE' as const, result: failed.result })))
    }
    if (unlocked !== undefined) await finish(unlocked)
    for (const report of reports) {
      const { groupId, body, bodyId, taskId, index, size, status, result } = report
      const complete = await backend.joinChord({ groupId, index, size, part: { taskId, status, result } })
      const { rootId, delivery } = request
      const order = { groupId, body, bodyId, partId: taskId, rootId, queue: delivery.queue }
      if (complete !== null) await finish({ ...order, parts: complete })
    }
    return { next, completed }
  }

  async #finish(order: ChordOrder): Promise<FinishedChord> {
    const answer = await this.#parts.internal.ask('finish', order, checkFinishedChord)
    if (answer.type === 'said') return answer.value
    if (answer.type === 'stopped') throw stopped('the body of a chord was published')
    const { groupId, bodyId } = order
    const text = `Callback error: ${answer.failure.name}: ${answer.failure.message}`
    this.#parts.log.error({ groupId, bodyId, error: answer.failure.name }, `The body of a chord was given up: ${text}`)
    const ended = bodyId === null ? [] : [{ taskId: bodyId, groupId: null }]
    return { failure: chordError(text), followUps: { messages: [], chords: [], parts: [], ended } }
  }
}

/** A success of which the child said no more has nothing behind it; what ended otherwise may, if its message does not show. */
export function whoeverFollows({ delivery }: Request, { status }: Verdict): Follow {
  const hasFailed = status === 'FAILURE' || status === 'REVOKED'
  return hasFailed && !showsThatNothingFollows(delivery.message) ? 'unread' : null
}

/** Whether all that follows can go with the settlement. */
export function needsNoMore({ chords, parts, ended, unlocked }: FollowedUp): boolean {
  return unlocked === undefined && chords.length === 0 && parts.length === 0 && ended.length === 0
}

/** Who waits for a task that never ran is told under its own id. */
function replyFor(taskId: string, { reply }: ResultMeta): Pick<ResultMeta, 'reply'> {
  return reply === undefined ? {} : { reply: { ...reply, correlationId: taskId } }
}

function failedMeta(failure: Failure, { partId }: ChordOrder): Omit<ResultMeta, 'taskId' | 'groupId'> {
  return {
    status: 'FAILURE',
    result: Buffer.from(encodeWireJson(encodeFailure(failure))),
    traceback: failure.stack,
    children: [],
    parentId: partId,
    doneAtMs: Date.now(),
  }
}

function stopped(before: string): CaromError {
  return new CaromError('CAROM_POOL_CLOSED', `The worker ended before ${before}: the task comes back`)
}

const MAX_REPORTS = 1_000
