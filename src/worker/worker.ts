/**
 * The worker: one process that runs no user code. Its duties, each in a file of its own:
 *
 * 1. claim messages while there is room (`intake.ts`, `claim-ahead.ts`),
 * 2. decide whether a delivery is run at all (`admission.ts`),
 * 3. run it in a child of the pool (`executor.ts`),
 * 4. judge how it went (`verdict.ts`), store the outcome and end the delivery in one step (`settler.ts`),
 * 5. keep its claims alive meanwhile (`leases.ts`),
 * 6. answer remote control (`control-listener.ts`),
 * 7. end on a ladder (`shutdown.ts`).
 */
import type { Delivery, Outgoing } from '../brokers/broker.ts'
import { isCaromError } from '../errors.ts'
import type { DeathCertificate } from '../pool/index.ts'
import { describeDeath } from '../pool/parent/certificate.ts'
import { toFailure } from '../support/failure.ts'
import { type Admission, admit } from './admission.ts'
import { checkPublished } from './child/published.ts'
import { ClaimAhead } from './claim-ahead.ts'
import type { Connections } from './connections.ts'
import type { Executor, ExecutorListener } from './executor.ts'
import { Intake, type IntakeOwner } from './intake.ts'
import { type LeaseOwner, Leases } from './leases.ts'
import type { FilledWorkerOptions } from './options.ts'
import { Request } from './request.ts'
import { Settler } from './settler.ts'
import { isFurther, type Stage } from './shutdown.ts'
import { judge, type RunOutcome, type Verdict } from './verdict.ts'

export class WorkerNode implements ExecutorListener, IntakeOwner, LeaseOwner {
  readonly #options: FilledWorkerOptions
  readonly #requests = new Map<string, Request>()
  readonly #totals = new Map<string, number>()
  readonly #startedAtMs = performance.now()
  #executor!: Executor
  #connections!: Connections
  #settler!: Settler
  #intake!: Intake
  #leases!: Leases
  #ahead!: ClaimAhead
  #overrunTimer: NodeJS.Timeout | null = null
  #stage: Stage = 'running'
  #active = 0
  #ended!: () => void
  readonly #drained = new Promise<void>((resolve) => {
    this.#ended = resolve
  })
  /** Set when the worker had to stop by itself. */
  fatal: unknown = null

  constructor(options: FilledWorkerOptions) {
    this.#options = options
  }

  get stage(): Stage {
    return this.#stage
  }

  get claimed(): Iterable<Request> {
    return [...this.#requests.values()].filter((request) => !request.acknowledged)
  }

  get active(): readonly Request[] {
    return [...this.#requests.values()].filter(({ state }) => state === 'running')
  }

  get totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#totals)
  }

  get uptimeMs(): number {
    return performance.now() - this.#startedAtMs
  }

  /** What runs its requests; given before `run`, so that a stop during the start reaches it. */
  use(executor: Executor): void {
    this.#executor = executor
  }

  /** Begins to consume. Resolves when the worker has been stopped and has nothing left in hand. */
  async run(connections: Connections): Promise<void> {
    const { log, leaseMs } = this.#options
    this.#connections = connections
    this.#settler = new Settler(connections, log, () => this.#intake.roomFreed())
    this.#intake = new Intake(connections.consumer, this)
    this.#leases = new Leases(connections.consumer, leaseMs, this, log)
    this.#ahead = new ClaimAhead(this.#options.concurrency)
    this.#overrunTimer = setInterval(() => this.#giveBackOverrun(), OVERRUN_CHECK_MS)
    if (this.#stage !== 'running') this.#intake.stop()
    await this.#intake.run()
    this.#endIfDrained()
    await this.#drained
    this.#leases.stop()
    clearInterval(this.#overrunTimer)
  }

  /** Goes to `stage` of the ladder; never back. */
  stop(stage: Stage): void {
    if (!isFurther(stage, this.#stage)) return
    const { log, coldGraceMs } = this.#options
    this.#stage = stage
    log.info({ stage, running: this.#requests.size }, `Stopping (${stage})`)
    this.#intake?.stop()
    for (const request of this.#requests.values()) {
      if (request.state === 'waiting' || stage === 'cold') this.#executor.cancel(request)
    }
    if (stage === 'cold') setTimeout(() => this.stop('now'), coldGraceMs).unref()
    if (stage === 'now') {
      this.#settler?.giveUp()
      this.#executor?.kill().catch(() => {})
      setTimeout(() => this.#ended(), HAND_BACK_MS).unref()
    }
  }

  room(): number {
    const { credits } = this.#executor
    const ahead = this.#ahead.ahead
    const unsettled = this.#requests.size - this.#active
    // With a window ahead it is refilled by halves, so that a claim is worth its commit.
    if (this.#active >= credits + Math.floor(ahead / 2) || unsettled > MAX_UNSETTLED) return 0
    return credits + ahead - this.#active
  }

  receive(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#take(delivery, admit(delivery, this.#connections.tasks, Date.now()))
  }

  claimFailed(error: unknown, delayMs: number): boolean {
    const { log } = this.#options
    if (isCaromError(error, 'CAROM_STORE_GONE') || isCaromError(error, 'CAROM_STORE_CORRUPT')) {
      log.error({ err: error }, 'The store is lost; this worker ends')
      this.fatal = error
      this.stop('now')
      return false
    }
    log.error({ err: error, delayMs }, 'No message could be claimed; trying again')
    return true
  }

  started(request: Request): void {
    request.state = 'running'
    request.startedAtMs = performance.now()
    if (request.policy.acksLate) return
    request.acknowledged = this.#settler.acknowledge(request).then((state) => {
      if (state === 'lost') this.leaseLost(request)
    })
  }

  ended(request: Request, said: RunOutcome): void {
    const outcome = this.#isAbortedRun(request, said) ? STOPPED : said
    const nowMs = performance.now()
    if (request.startedAtMs !== null) this.#ahead.ran(nowMs - request.startedAtMs, nowMs)
    this.#report(request, outcome)
    this.#active--
    void this.#settle(request, judge(outcome, request.delivery.counts, request.policy))
  }

  async publish(said: unknown): Promise<void> {
    const messages: readonly Outgoing[] = checkPublished(said)
    await this.#connections.broker.publish(messages)
    for (const { message } of messages) this.#parentOf(message.headers.parent_id)?.children.push(message.headers.id)
  }

  childDown(certificate: DeathCertificate): void {
    const { phase, killedBy, stderrTail, failure, ...facts } = certificate
    if (phase === 'stopping' || killedBy === 'pool') return
    this.#options.log.warn({ ...facts, phase, killedBy }, describeDeath(certificate))
  }

  leaseLost(request: Request): void {
    request.leaseLost = true
    this.#executor.terminate(request)
  }

  #take(delivery: Delivery, admission: Admission): void {
    if (admission.type === 'refused') return void this.#refuse(delivery, admission)
    const request = new Request(delivery, admission.policy)
    this.#requests.set(request.token, request)
    if (admission.type === 'decided') return void this.#settle(request, admission.verdict)
    this.#active++
    if (this.#stage !== 'running') return this.ended(request, { type: 'stopped' })
    try {
      this.#executor.run(request)
    } catch (error) {
      this.ended(request, { type: 'failed', failure: toFailure(error) })
    }
  }

  async #refuse(delivery: Delivery, { end, reason }: Extract<Admission, { type: 'refused' }>): Promise<void> {
    const { headers } = delivery.message
    this.#options.log.warn({ taskId: headers.id, task: headers.task, queue: delivery.queue, end: end.type }, reason)
    await this.#settler.reject(delivery.token, end).catch((error) => {
      // Its lease runs out, and it is refused again.
      this.#options.log.error({ err: error, taskId: headers.id }, 'A refused message could not be given back')
    })
  }

  async #settle(request: Request, verdict: Verdict): Promise<void> {
    request.state = 'settling'
    try {
      if (!request.leaseLost) await this.#store(request, verdict)
    } finally {
      request.state = 'gone'
      this.#requests.delete(request.token)
      if (verdict.status !== null) this.#totals.set(request.task, (this.#totals.get(request.task) ?? 0) + 1)
      this.#intake.roomFreed()
      this.#endIfDrained()
    }
  }

  /**
   * What a task throws after a cold stop has aborted its signal is the stop, as far as anybody can tell: it goes back.
   * One that was acked early cannot, so there the error counts.
   */
  #isAbortedRun({ policy }: Request, { type }: RunOutcome): boolean {
    return type === 'failed' && isFurther(this.#stage, 'warm') && policy.acksLate
  }

  async #store(request: Request, verdict: Verdict): Promise<void> {
    if (request.acknowledged === null) {
      const settled = this.#settler.settle(request, verdict)
      // A child is without work: the claim that goes with this settlement must not wait for company.
      if (this.#active < this.#executor.credits) this.#settler.hurry()
      await settled
    } else {
      await request.acknowledged
      await this.#settler.save(request, verdict)
    }
  }

  #endIfDrained(): void {
    if (this.#stage !== 'running' && this.#requests.size === 0) this.#ended()
  }

  #giveBackOverrun(): void {
    if (this.#ahead.ahead === 0) return
    const waiting = [...this.#requests.values()].filter(({ state }) => state === 'waiting')
    if (!waiting.some(({ claimedAtMs }) => performance.now() - claimedAtMs > OVERRUN_MS)) return
    this.#ahead.overran()
    for (const request of waiting) this.#executor.cancel(request)
  }

  #parentOf(parentId: unknown): Request | undefined {
    for (const request of this.#requests.values()) if (request.taskId === parentId) return request
    return undefined
  }

  #report(request: Request, outcome: RunOutcome): void {
    const { log } = this.#options
    const facts = { taskId: request.taskId, task: request.task, attempt: request.delivery.counts.deliveries }
    const ranMs = request.startedAtMs === null ? null : Math.round(performance.now() - request.startedAtMs)
    if (outcome.type === 'succeeded') log.debug({ ...facts, ranMs }, 'Task succeeded')
    else if (outcome.type === 'failed') log.warn({ ...facts, ranMs, error: outcome.failure.name }, 'Task failed')
    else if (outcome.type === 'lost')
      log.error({ ...facts, ranMs, crashes: request.delivery.counts.crashes + 1 }, outcome.text)
  }
}

const STOPPED: RunOutcome = { type: 'stopped' }
const OVERRUN_CHECK_MS = 100
const OVERRUN_MS = 250
const MAX_UNSETTLED = 2_000
const HAND_BACK_MS = 2_000
