/**
 * Carries each request from its delivery to the end of it: taken, run in a child, judged, its outcome and what follows
 * it stored. A message whose headers do not say what it is, is read by a child first.
 */
import type { Delivery } from '../brokers/broker.ts'
import { UnencodableError } from '../message/wire-json.ts'
import { toFailure } from '../support/failure.ts'
import { type Admission, admit } from './admission.ts'
import type { CalledWith } from './child/called-with.ts'
import type { TaskDescription } from './child/description.ts'
import type { Executor } from './executor.ts'
import { type Follow, whoeverFollows } from './follower.ts'
import type { Logger } from './log.ts'
import type { Elsewhere } from './neighbours.ts'
import type { FollowedUp } from './orders.ts'
import { Request, type RequestState } from './request.ts'
import { reportRefusal, reportRun } from './run-report.ts'
import type { Settler } from './settler.ts'
import { isFurther, type Stage } from './shutdown.ts'
import { type Refusal, readUnread, UNREAD } from './unread.ts'
import { judge, type RunOutcome, type Verdict } from './verdict.ts'

export interface RequestsOwner {
  readonly stage: Stage
  /** A run has ended that took `durationMs`. */
  ran(durationMs: number): void
  /** A request has left. */
  left(): void
}

export interface RequestsParts {
  readonly executor: Executor
  readonly settler: Settler
  /** What the app has registered. */
  readonly tasks: ReadonlyMap<string, TaskDescription>
  /** How results name this worker, where they say what their call was. */
  readonly extendedBy: string | null
  readonly leaseMs: number
  /** The content types that its children read. */
  readonly acceptContent: ReadonlySet<string>
  /** Who else knows a task that the app has not registered. */
  readonly elsewhere: (task: string) => Elsewhere
  readonly log: Logger
}

export class Requests {
  readonly #parts: RequestsParts
  readonly #owner: RequestsOwner
  readonly #byToken = new Map<string, Request>()
  readonly #totals = new Map<string, number>()
  #active = 0

  constructor(parts: RequestsParts, owner: RequestsOwner) {
    this.#parts = parts
    this.#owner = owner
  }

  get size(): number {
    return this.#byToken.size
  }

  /** How many wait for a child or run in one. */
  get active(): number {
    return this.#active
  }

  /** How many have an outcome that is not stored yet. */
  get unsettled(): number {
    return this.#byToken.size - this.#active
  }

  /** Those whose claim must live on. */
  get claimed(): Request[] {
    return [...this.#byToken.values()].filter((request) => !request.acknowledged)
  }

  /** Outcomes stored so far, by task. */
  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals)
  }

  in(state: RequestState): Request[] {
    return [...this.#byToken.values()].filter((request) => request.state === state)
  }

  /** Returns whether any of them was for this worker, as far as is known. */
  receive(deliveries: readonly Delivery[]): boolean {
    const nowMs = Date.now()
    let areOurs = false
    for (const delivery of deliveries) {
      const admission = admit(delivery, this.#parts, nowMs)
      if (admission.type !== 'elsewhere') areOurs = true
      this.#take(delivery, admission)
    }
    return areOurs
  }

  /** Those that no child has been given yet go back to their queue. */
  giveBackWaiting(): void {
    for (const request of this.in('waiting')) this.#parts.executor.takeBack(request)
  }

  /** Those that run see their signal aborted, also those that a child is about to begin. */
  abort(): void {
    for (const request of this.#byToken.values()) this.#parts.executor.cancel(request)
  }

  /** Another worker may hold this message now: the attempt is ended, and its outcome is nobody's. */
  leaseLost(request: Request): void {
    const { taskId, task } = request
    this.#parts.log.warn({ taskId, task }, 'The lease of a task was lost; its attempt is ended')
    request.leaseLost = true
    this.#parts.executor.terminate(request)
  }

  /** Notes which of them have sent these tasks. */
  sent(tasks: Iterable<{ readonly id: string; readonly parentId: unknown }>): void {
    const byTask = new Map<unknown, Request>([...this.#byToken.values()].map((request) => [request.taskId, request]))
    for (const { id, parentId } of tasks) byTask.get(parentId)?.hasSent(id)
  }

  /** Notes what one of them was called with. */
  calledWith({ taskId, ...called }: CalledWith): void {
    for (const request of this.#byToken.values()) if (request.taskId === taskId) request.calledWith = called
  }

  #take(delivery: Delivery, admission: Admission): void {
    if (admission.type === 'refused' || admission.type === 'elsewhere') return void this.#refuse(delivery, admission)
    if (admission.type === 'unread') return void this.#read(delivery)
    const request = new Request(delivery, admission.policy, this.#parts.leaseMs, this.#parts.extendedBy)
    this.#byToken.set(request.token, request)
    this.#active++
    if (admission.type === 'decided') return void this.#settle(request, admission.verdict)
    if (this.#owner.stage !== 'running') return this.#ended(request, STOPPED)
    try {
      this.#parts.executor.run(request, {
        started: () => this.#started(request),
        ended: (outcome) => this.#ended(request, outcome),
      })
    } catch (error) {
      // Headers that cannot go to a child: it was never run, so the message is set aside.
      const type = error instanceof UnencodableError ? 'unreadable' : 'failed'
      this.#ended(request, { type, failure: toFailure(error) })
    }
  }

  /** A message that only its body names: a child reads it, and what it turns out to be is taken instead. */
  async #read(delivery: Delivery): Promise<void> {
    const { executor } = this.#parts
    const request = new Request(delivery, UNREAD, this.#parts.leaseMs)
    this.#byToken.set(request.token, request)
    this.#active++
    const nowMs = Date.now()
    const read = await readUnread(delivery, executor.internal, nowMs)
    this.#byToken.delete(request.token)
    this.#active--
    if (read.type === 'task' && !request.leaseLost) this.#take(read.delivery, admit(read.delivery, this.#parts, nowMs))
    if (read.type === 'refused') await this.#refuse(delivery, read)
    this.#owner.left()
  }

  async #refuse(delivery: Delivery, refusal: Refusal): Promise<void> {
    const { log, settler } = this.#parts
    reportRefusal(log, delivery, refusal)
    await settler.reject(delivery.token, refusal.end).catch((error) => {
      // Its lease runs out, and it is refused again.
      log.error({ err: error, queue: delivery.queue }, 'A refused message could not be given back')
    })
  }

  #started(request: Request): void {
    request.state = 'running'
    request.startedAtMs = performance.now()
    // One that is about to be killed may still go back, as long as its message is there.
    const acksNow = !request.policy.acksLate && !request.leaseLost && !isFurther(this.#owner.stage, 'warm')
    if (acksNow) request.acknowledgement = this.#acknowledge(request)
  }

  async #acknowledge(request: Request): Promise<void> {
    const acked = await this.#parts.settler.acknowledge(request)
    if (acked === 'lost') return this.leaseLost(request)
    request.acknowledged = true
    if (acked === 'unknown') this.#ackUnknown(request)
  }

  /** Its message may be gone, or with another worker: the attempt is ended, and whoever waits for it is told. */
  #ackUnknown(request: Request): void {
    const { taskId, task } = request
    this.#parts.log.warn(
      { taskId, task },
      'Nobody can say whether the message of a task was acked; its attempt is ended',
    )
    request.ackUnknown = true
    this.#parts.executor.terminate(request)
  }

  #ended(request: Request, said: RunOutcome): void {
    const acked = request.acknowledgement !== null
    // What a task throws after its signal was aborted is the stop, as far as anybody can tell: it goes back, if it can.
    const isStopped = said.type === 'failed' && isFurther(this.#owner.stage, 'warm') && !acked
    const outcome = isStopped ? STOPPED : said.type === 'stopped' && request.ackUnknown ? ACK_UNKNOWN : said
    const verdict = judge(outcome, request.delivery.counts, { maxCrashes: request.policy.maxCrashes, acked })
    if (request.startedAtMs !== null) this.#owner.ran(performance.now() - request.startedAtMs)
    reportRun(this.#parts.log, request, outcome, verdict)
    void this.#settle(request, verdict, 'followUps' in outcome ? outcome.followUps : undefined)
  }

  async #settle(request: Request, verdict: Verdict, said?: FollowedUp): Promise<void> {
    request.state = 'settling'
    this.#active--
    try {
      if (!request.leaseLost) await this.#store(request, verdict, said ?? whoeverFollows(request, verdict))
    } catch (error) {
      // Its claim is renewed no more: it comes back with the end of its lease.
      this.#parts.log.error({ err: error, taskId: request.taskId }, 'The outcome of a task could not be written')
    }
    request.state = 'gone'
    this.#byToken.delete(request.token)
    const { task, leaseLost } = request
    if (verdict.status !== null && !leaseLost) this.#totals.set(task, (this.#totals.get(task) ?? 0) + 1)
    this.#owner.left()
  }

  async #store(request: Request, verdict: Verdict, follow: Follow): Promise<void> {
    const { settler, executor } = this.#parts
    await request.acknowledgement
    if (request.leaseLost) return
    const settled = settler.settle(request, verdict, follow)
    // A child is without work: the claim that goes with this settlement must not wait for company.
    if (this.#active < executor.credits) settler.hurry()
    await settled
  }
}

const STOPPED: RunOutcome = { type: 'stopped' }
const ACK_UNKNOWN: RunOutcome = {
  type: 'stopped',
  why: 'The store was away while its message was acked at its start (acksLate: false), for longer than its lease',
}
