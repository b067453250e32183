/** Keeps the claims of this worker alive, three times per lease, and ends the attempts whose claim is lost. */
import type { Consumer } from '../brokers/broker.ts'
import type { Logger } from './log.ts'
import type { Request } from './request.ts'

export interface LeaseOwner {
  /** Requests whose claim must live on. */
  readonly claimed: Iterable<Request>
  /** Another worker may hold this message now: this attempt must not go on. */
  leaseLost(request: Request): void
  /** The store has refused a renewal. True if it will never take one again. */
  storeFailed(error: unknown): boolean
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
      const askedAtMs = performance.now()
      const lost = new Set(await this.#consumer.renew([...byToken.keys()]))
      for (const [token, request] of byToken) {
        if (lost.has(token)) this.#lost(request)
        else request.renewed(askedAtMs)
      }
    } catch (error) {
      if (this.#owner.storeFailed(error)) return
      // The next round is before the lease ends; if the store stays away, the claims are lost and the runs repeated.
      this.#log.error({ err: error, claims: byToken.size }, 'Leases could not be renewed; trying again')
    } finally {
      this.#renewing = false
    }
  }

  #lost(request: Request): void {
    // It may have been settled, or acked early, while the renewal was on its way: who asked for that is told.
    if (request.acknowledgement !== null) return
    if (request.state === 'waiting' || request.state === 'running') this.#owner.leaseLost(request)
  }
}
