/** Keeps the claims of this worker alive, three times per lease, and ends the attempts whose claim is lost. */
import type { Consumer } from '../brokers/broker.ts'
import type { Logger } from './log.ts'
import type { Request } from './request.ts'

export interface LeaseOwner {
  /** Requests whose claim must live on. */
  readonly claimed: Iterable<Request>
  /** Another worker may hold this message now: this attempt must not go on. */
  leaseLost(request: Request): void
}

export class Leases {
  readonly #consumer: Consumer
  readonly #owner: LeaseOwner
  readonly #log: Logger
  readonly #timer: NodeJS.Timeout
  #renewing = false

  constructor(consumer: Consumer, leaseMs: number, owner: LeaseOwner, log: Logger) {
    this.#consumer = consumer
    this.#owner = owner
    this.#log = log
    this.#timer = setInterval(() => this.#renew(), Math.floor(leaseMs / 3))
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #renew(): Promise<void> {
    const byToken = new Map([...this.#owner.claimed].map((request) => [request.token, request]))
    if (byToken.size === 0 || this.#renewing) return
    this.#renewing = true
    try {
      for (const token of await this.#consumer.renew([...byToken.keys()])) this.#lost(byToken.get(token))
    } catch (error) {
      // The next round is before the lease ends; if the store stays away, the claims are lost and the runs repeated.
      this.#log.error({ err: error, claims: byToken.size }, 'Leases could not be renewed; trying again')
    } finally {
      this.#renewing = false
    }
  }

  #lost(request: Request | undefined): void {
    // It may have been settled while the renewal was on its way.
    if (request === undefined || request.state === 'gone' || request.state === 'settling') return
    this.#log.warn({ taskId: request.taskId, task: request.task }, 'The lease of a task was lost; its attempt is ended')
    request.leaseLost = true
    this.#owner.leaseLost(request)
  }
}
