import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { backoffMs } from '../../support/backoff.ts'
import { Bell } from '../bell.ts'
import type { Consumer, ConsumerOptions, Delivery, Settlement } from '../broker.ts'
import { checkConsumerOptions, checkMax } from '../consumer-rules.ts'
import type { Arrival } from './arrival.ts'
import { closed, unavailable } from './errors.ts'
import { orAborted } from './or-aborted.ts'
import { Session } from './session.ts'
import { missingOf, planOf, type SettlementPlan } from './settlement-plan.ts'
import type { AmqpStore, Holder } from './store.ts'

interface Claim {
  readonly arrival: Arrival
  readonly session: Session
  /** By `performance.now()`: a step of the wall clock ends no claim. */
  untilMs: number
  /** Its end is being published: nobody else may have it now. */
  isSettling: boolean
  /** What earlier tries of its settlement have published, by its names in the plan: it is not published again. */
  readonly published: Set<string>
}

type Settled = 'settled' | 'lost'

export class AmqpConsumer implements Consumer, Holder {
  readonly settlesInTurn = false
  readonly #store: AmqpStore
  readonly #options: ConsumerOptions
  readonly #onClosed: () => void
  readonly #bell = new Bell()
  readonly #claims = new Map<string, Claim>()
  readonly #waiting = new Set<{ readonly max: number }>()
  readonly #settling = new Set<Promise<unknown>>()
  readonly #sweep: NodeJS.Timeout
  #session: Session | null = null
  #opening: Promise<Session> | null = null
  #idle: NodeJS.Timeout | null = null
  #isRinging = false
  #openedAtMs = -Infinity
  #shortLives = 0
  readonly #ending = new AbortController()
  #closed: Promise<void> | null = null

  /** @param onClosed called once, when it closes. */
  constructor(store: AmqpStore, options: ConsumerOptions, onClosed: () => void) {
    this.#store = store
    this.#options = checkConsumerOptions(options)
    this.#onClosed = onClosed
    store.holders.add(this)
    const everyMs = Math.min(1_000, Math.max(10, this.#options.leaseMs / 10))
    this.#sweep = setInterval(() => this.#endLeases(), everyMs)
    this.#sweep.unref()
  }

  async claim(max: number, { signal }: { readonly signal: AbortSignal }): Promise<Delivery[]> {
    this.#assertOpen()
    checkMax(max)
    const waiting = { max }
    const ear = this.#bell.listen({ holds: true })
    this.#waiting.add(waiting)
    this.#stopIdling()
    let isWaiting = false
    try {
      while (!signal.aborted && this.#closed === null) {
        const session = this.#current() ?? (await orAborted(this.#open(), signal))
        if (session === null || this.#closed !== null) continue
        await session.want(this.#credit())
        const taken = signal.aborted || this.#closed !== null ? [] : this.#take(session, max)
        if (taken.length > 0) return taken
        if (session.isUneven && isWaiting) await session.even()
        if (session.alive) await ear.heard({ signal, atMs: session.isUneven ? Date.now() + EVEN_MS : null })
        isWaiting = true
      }
      return []
    } catch (error) {
      if (this.#closed !== null || signal.aborted) return []
      throw error
    } finally {
      ear.close()
      this.#waiting.delete(waiting)
      if (this.#waiting.size === 0 && signal.aborted) await this.#session?.withdraw().catch(() => {})
      else this.#startIdling()
    }
  }

  async renew(tokens: readonly string[]): Promise<readonly string[]> {
    this.#assertOpen()
    const untilMs = performance.now() + this.#options.leaseMs
    return tokens.filter((token) => {
      const claim = this.#standing(token)
      if (claim !== null) claim.untilMs = untilMs
      return claim === null
    })
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly Settled[]> {
    this.#assertOpen()
    const settling = this.#settle(settlements)
    this.#settling.add(settling)
    try {
      return await settling
    } finally {
      this.#settling.delete(settling)
    }
  }

  async #settle(settlements: readonly Settlement[]): Promise<readonly Settled[]> {
    const seen = new Set<string>()
    const plans = settlements.map((settlement): SettlementPlan | null => {
      const claim = this.#standing(settlement.token)
      if (claim === null || claim.isSettling || seen.has(settlement.token)) return null
      seen.add(settlement.token)
      return planOf(settlement, claim, this.#store.address)
    })
    const standing = plans.filter((plan) => plan !== null)
    const claims = standing.map(({ token }) => this.#claims.get(token) as Claim)
    for (const claim of claims) claim.isSettling = true
    try {
      const missing = missingOf(standing)
      await this.#store.publish([...missing.keys()], (prepared) => missing.get(prepared)?.())
    } catch (error) {
      for (const claim of claims) claim.isSettling = false
      throw error
    }
    const ended = await this.#end(standing)
    return plans.map((plan) => (plan !== null && ended.has(plan.token) ? 'settled' : 'lost'))
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async catchUp(): Promise<void> {
    // What has been delivered is written before the answer.
    await this.#session?.barrier().catch(() => {})
  }

  held(queue: string): { readonly waiting: number; readonly claimed: number } {
    const waiting = this.#session?.arrivals.filter((arrival) => arrival.queue === queue).length ?? 0
    const claimed = [...this.#claims.values()].filter(({ arrival }) => arrival.queue === queue).length
    return { waiting, claimed }
  }

  /** Acks and returns what was settled, on the channel it came by, and waits until RabbitMQ has seen that. */
  async #end(plans: readonly SettlementPlan[]): Promise<ReadonlySet<string>> {
    const ended = new Set<string>()
    const session = this.#session
    if (session === null || plans.length === 0) return ended
    const standing = plans.filter(({ token }) => this.#standing(token)?.session === session)
    for (const { token } of plans) this.#claims.delete(token)
    session.lower(this.#credit())
    session.ack(standing.filter(({ goesBack }) => !goesBack).map(({ arrival }) => arrival.deliveryTag))
    const back = standing.filter(({ goesBack }) => goesBack).map(({ arrival }) => arrival)
    try {
      if (back.length > 0) await session.withdraw(back)
      else await session.barrier()
      // Those who wait for more have to want it again.
      if (back.length > 0) this.#bell.ring()
      for (const { token } of standing) ended.add(token)
    } catch (error) {
      // The channel is gone, and with it every claim: what RabbitMQ had not seen the ack of comes again.
      if (standing.length === 0) return ended
      throw unavailable(`${this.#store.name} was lost before it had confirmed ${standing.length} acks`, error)
    }
    return ended
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweep)
    this.#ending.abort()
    this.#stopIdling()
    this.#onClosed()
    this.#bell.ring()
    // What they have published would come from what is given back once more.
    await Promise.allSettled(this.#settling)
    const session = await this.#opening?.catch(() => null)
    const last = session ?? this.#session
    try {
      await last?.withdraw()
      const left = [...this.#claims.values()].filter(({ session, isSettling }) => session === last && !isSettling)
      last?.requeue(
        left.map(({ arrival }) => arrival),
        'uncounted',
      )
      if (left.length > 0) await last?.barrier()
      await last?.close()
    } catch {
      // What could not be given back comes back when RabbitMQ sees that the channel is gone.
    }
    this.#claims.clear()
    this.#store.holders.delete(this)
  }

  #current(): Session | null {
    return this.#session?.alive === true ? this.#session : null
  }

  #open(): Promise<Session> {
    this.#opening ??= this.#openSession().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  /** One that ends at once, again and again, is not opened anew without a pause. */
  async #openSession(): Promise<Session> {
    this.#shortLives = performance.now() - this.#openedAtMs < SHORT_LIFE_MS ? this.#shortLives + 1 : 0
    const { signal } = this.#ending
    if (this.#shortLives > 1) {
      await pause(backoffMs(this.#shortLives - 2, REOPEN), undefined, { signal }).catch(() => {})
    }
    this.#openedAtMs = performance.now()
    const session = await Session.open(this.#store, this.#options.queues, {
      changed: () => this.#changed(),
      queueGone: (gone, queue) => this.#forget((claim) => claim.session === gone && claim.arrival.queue === queue),
    })
    this.#session = session
    return session
  }

  /** Messages that arrive together are claimed together. */
  #changed(): void {
    if (this.#session?.alive === false) this.#forget(({ session }) => !session.alive)
    if (this.#isRinging) return
    this.#isRinging = true
    setImmediate(() => {
      this.#isRinging = false
      this.#bell.ring()
      this.#startIdling()
    })
  }

  #forget(isLost: (claim: Claim) => boolean): Arrival[] {
    const lost = [...this.#claims].filter(([, claim]) => isLost(claim))
    for (const [token] of lost) this.#claims.delete(token)
    return lost.map(([, { arrival }]) => arrival)
  }

  #standing(token: string): Claim | null {
    const claim = this.#claims.get(token)
    return claim?.session.alive === true ? claim : null
  }

  #credit(): number {
    return [...this.#waiting].reduce((sum, { max }) => sum + max, this.#claims.size)
  }

  #take(session: Session, max: number): Delivery[] {
    const untilMs = performance.now() + this.#options.leaseMs
    return session.arrivals.splice(0, max).map((arrival) => {
      const token = randomUUID()
      this.#claims.set(token, { arrival, session, untilMs, isSettling: false, published: new Set() })
      const { queue, message, counts } = arrival
      return { token, queue, message, counts }
    })
  }

  /** A claim that its owner has forgotten goes back, and counts as a delivery. */
  #endLeases(): void {
    const nowMs = performance.now()
    for (const [token, { arrival, session, untilMs, isSettling }] of this.#claims) {
      if (untilMs > nowMs || isSettling) continue
      this.#claims.delete(token)
      session.requeue([arrival], 'counted')
    }
  }

  /** What was delivered while nobody asks goes to others soon. */
  #startIdling(): void {
    const session = this.#session
    if (this.#waiting.size > 0 || this.#closed !== null || session === null || session.arrivals.length === 0) return
    this.#idle ??= setTimeout(() => {
      this.#idle = null
      if (this.#waiting.size === 0) session.withdraw().catch(() => {})
    }, IDLE_MS)
    this.#idle.unref()
  }

  #stopIdling(): void {
    if (this.#idle !== null) clearTimeout(this.#idle)
    this.#idle = null
  }

  #assertOpen(): void {
    if (this.#closed !== null) throw closed('This consumer')
  }
}

const IDLE_MS = 250
const SHORT_LIFE_MS = 5_000
const REOPEN = { firstMs: 100, maxMs: 5_000 }
// Longer than a queue takes to deliver what it has.
const EVEN_MS = 50
