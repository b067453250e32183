/**
 * The worker: one process that runs no user code. Its duties, each in a file of its own:
 *
 * 1. claim messages while there is room (`intake.ts`, `claim-ahead.ts`),
 * 2. decide whether a delivery is run at all (`admission.ts`),
 * 3. run it in a child of the pool (`executor.ts`),
 * 4. judge how it went (`verdict.ts`), carry out what follows it (`follower.ts`), store the outcome and end the delivery
 *    in one step (`settler.ts`),
 * 5. keep its claims alive meanwhile (`leases.ts`),
 * 6. answer remote control (`control-listener.ts`),
 * 7. end on a ladder (`shutdown.ts`).
 *
 * 2 to 4 are the life of one request, and `requests.ts` leads it through them. Here is the life of the whole.
 */
import type { Delivery } from '../brokers/broker.ts'
import type { DeathCertificate } from '../pool/index.ts'
import { describeDeath } from '../pool/parent/certificate.ts'
import { isReady } from '../results/meta.ts'
import { checkCalledWith } from './child/called-with.ts'
import { checkPublished } from './child/published.ts'
import { ClaimAhead } from './claim-ahead.ts'
import { type Connections, isStoreLost } from './connections.ts'
import type { Executor, ExecutorListener } from './executor.ts'
import { Follower } from './follower.ts'
import { Intake, type IntakeOwner } from './intake.ts'
import { type LeaseOwner, Leases } from './leases.ts'
import { Neighbours } from './neighbours.ts'
import type { FilledWorkerOptions } from './options.ts'
import type { Request } from './request.ts'
import { Requests, type RequestsOwner } from './requests.ts'
import { Settler, type SettlerOwner } from './settler.ts'
import { isFurther, type Stage } from './shutdown.ts'

export class WorkerNode implements ExecutorListener, IntakeOwner, RequestsOwner, LeaseOwner, SettlerOwner {
  readonly #options: FilledWorkerOptions
  readonly #ahead: ClaimAhead
  readonly #startedAtMs = performance.now()
  #executor!: Executor
  /** `null` until it consumes. */
  #work: Work | null = null
  #claiming = true
  #stage: Stage = 'running'
  #graceTimer: NodeJS.Timeout | undefined
  #ended!: () => void
  readonly #drained = new Promise<void>((resolve) => {
    this.#ended = resolve
  })
  /** Set when the worker had to stop by itself. */
  fatal: unknown = null

  constructor(options: FilledWorkerOptions) {
    this.#options = options
    this.#ahead = new ClaimAhead(options.concurrency)
  }

  get stage(): Stage {
    return this.#stage
  }

  get claimed(): readonly Request[] {
    return this.#work?.requests.claimed ?? []
  }

  get active(): readonly Request[] {
    return this.#work?.requests.in('running') ?? []
  }

  get totals(): Readonly<Record<string, number>> {
    return this.#work?.requests.totals ?? {}
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
    const { consumer, tasks, extendedBy, acceptContent } = connections
    const follower = new Follower({ ...connections, internal: this.#executor.internal, log })
    const settler = new Settler(connections, follower, log, this)
    const neighbours = new Neighbours(connections.broker.mailbox)
    const elsewhere = (task: string) => neighbours.whoKnows(task)
    const facts = { tasks, extendedBy, acceptContent, elsewhere, leaseMs }
    const requests = new Requests({ executor: this.#executor, settler, ...facts, log }, this)
    this.#work = { connections, settler, requests, intake: new Intake(consumer, this) }
    const leases = new Leases(consumer, leaseMs, this, log)
    const waitingTimer = setInterval(() => this.#giveBackWaiting(), WAITING_CHECK_MS)
    void this.#claim(this.#work.intake)
    await this.#drained
    // After a forced end nothing of what is left may be tried for ever.
    settler.giveUp()
    leases.stop()
    clearInterval(waitingTimer)
    clearTimeout(this.#graceTimer)
  }

  /** Goes to `stage` of the ladder; never back. */
  stop(stage: Stage): void {
    if (!isFurther(stage, this.#stage)) return
    const { log, coldGraceMs } = this.#options
    this.#stage = stage
    log.info({ stage, running: this.#work?.requests.size ?? 0 }, `Stopping (${stage})`)
    this.#work?.intake.stop()
    this.#work?.requests.giveBackWaiting()
    if (stage === 'cold') {
      this.#work?.requests.abort()
      this.#graceTimer = setTimeout(() => this.stop('now'), coldGraceMs).unref()
    }
    if (stage === 'now') {
      this.#work?.settler.giveUp()
      this.#executor.kill().catch(() => {})
      setTimeout(() => this.#ended(), HAND_BACK_MS).unref()
    }
  }

  room(): number {
    const { active = 0, unsettled = 0 } = this.#work?.requests ?? {}
    return unsettled > MAX_UNSETTLED ? 0 : this.#ahead.room(active, this.#executor.credits)
  }

  receive(deliveries: readonly Delivery[]): boolean {
    return this.#work?.requests.receive(deliveries) ?? false
  }

  claimFailed(error: unknown, delayMs: number): boolean {
    if (this.storeFailed(error)) return false
    this.#options.log.error({ err: error, delayMs }, 'No message could be claimed; trying again')
    return true
  }

  storing(): void {
    this.#work?.intake.roomFreed()
  }

  storeFailed(error: unknown): boolean {
    if (!isStoreLost(error)) return false
    if (this.fatal === null) this.#options.log.error({ err: error }, 'The store is lost; this worker ends')
    this.fatal ??= error
    this.stop('now')
    return true
  }

  leaseLost(request: Request): void {
    this.#work?.requests.leaseLost(request)
  }

  ran(durationMs: number): void {
    this.#ahead.ran(durationMs, performance.now())
  }

  left(): void {
    this.#work?.intake.roomFreed()
    this.#endIfDrained()
  }

  async publish(said: unknown): Promise<void> {
    const messages = checkPublished(said)
    if (this.#work === null) {
      // A child that has loaded the app says which broker it is.
      throw new TypeError('No task can be sent before the worker has started, as by onChildInit: send it in a task')
    }
    await this.#work.connections.broker.publish(messages)
    const tasks = messages.map(({ message: { headers } }) => ({ id: headers.id, parentId: headers.parent_id }))
    this.#work.requests.sent(tasks)
  }

  async outcomes(asked: unknown): Promise<unknown> {
    const isList = Array.isArray(asked) && asked.every((id) => typeof id === 'string')
    if (!isList || this.#work === null) throw new TypeError('A child asked how tasks have ended without naming any')
    const metas = await this.#work.connections.backend.load(asked)
    return metas.map((meta) =>
      meta !== null && isReady(meta.status) ? { status: meta.status, result: meta.result } : null,
    )
  }

  calledWith(said: unknown): void {
    this.#work?.requests.calledWith(checkCalledWith(said))
  }

  childDown(certificate: DeathCertificate): void {
    const { phase, killedBy, stderrTail, failure, ...facts } = certificate
    if (phase === 'stopping' || killedBy === 'pool') return
    this.#options.log.warn({ ...facts, phase, killedBy }, describeDeath(certificate))
  }

  async #claim(intake: Intake): Promise<void> {
    if (this.#stage !== 'running') intake.stop()
    await intake.run()
    this.#claiming = false
    this.#endIfDrained()
  }

  #endIfDrained(): void {
    if (!this.#claiming && this.#work?.requests.size === 0) this.#ended()
  }

  /** What waits here for a child may find one elsewhere: all of it in a worker that stops, else what had to wait long. */
  #giveBackWaiting(): void {
    if (this.#work === null) return
    const { requests, intake } = this.#work
    if (this.#stage === 'running') {
      if (requests.active <= this.#executor.credits) return
      const nowMs = performance.now()
      if (!requests.in('waiting').some(({ claimedAtMs }) => nowMs - claimedAtMs > OVERRUN_MS)) return
      this.#ahead.overran()
      intake.roomLost()
    }
    requests.giveBackWaiting()
  }
}

/** What a worker that consumes has. */
interface Work {
  readonly connections: Connections
  readonly settler: Settler
  readonly requests: Requests
  readonly intake: Intake
}

const WAITING_CHECK_MS = 100
const OVERRUN_MS = 250
const MAX_UNSETTLED = 2_000
const HAND_BACK_MS = 2_000
