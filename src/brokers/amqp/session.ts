/**
 * One channel's life of a consumer: what RabbitMQ has delivered on it and was not acked yet. When the channel is gone,
 * so is every claim that was made on it, and the next session begins with nothing.
 */
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { backoffMs } from '../../support/backoff.ts'
import { type Arrival, judgeArrival } from './arrival.ts'
import { Credit } from './credit.ts'
import { asCaromError } from './errors.ts'
import type { Prepared } from './prepared.ts'
import type { Channel } from './protocol/channel.ts'
import type { Delivered } from './protocol/incoming.ts'
import type { AmqpStore } from './store.ts'

interface Moved {
  readonly deliveryTag: number
  readonly to: Prepared
}

export interface SessionOwner {
  /** There is something to claim, or the session has ended. */
  changed(): void
  /** The queue was deleted, and with it what was claimed from it, which is given up and returned. */
  queueGone(session: Session, queue: string): readonly Arrival[]
}

export class Session {
  /** Delivered, and claimed by nobody yet. */
  arrivals: Arrival[] = []
  readonly #store: AmqpStore
  readonly #queues: readonly string[]
  readonly #channel: Channel
  readonly #owner: SessionOwner
  readonly #credit: Credit
  #last: Promise<void> = Promise.resolve()
  #moved: Moved[] = []
  #moving: Promise<void> | null = null

  private constructor(store: AmqpStore, queues: readonly string[], channel: Channel, owner: SessionOwner) {
    this.#store = store
    this.#queues = queues
    this.#channel = channel
    this.#owner = owner
    this.#credit = new Credit(store, queues, channel, (queue, message) => this.#delivered(queue, message))
    channel.once('close', () => owner.changed())
    channel.on('basic.cancel', (consumerTag) => this.#cancelled(consumerTag))
  }

  /** @throws CaromError `CAROM_STORE_UNAVAILABLE` */
  static async open(store: AmqpStore, queues: readonly string[], owner: SessionOwner): Promise<Session> {
    return new Session(store, queues, await store.link.channel(), owner)
  }

  get alive(): boolean {
    return this.#channel.active
  }

  /** Whether a queue may have more to give, if it is asked again. */
  get isUneven(): boolean {
    return this.alive && this.#credit.isUneven
  }

  /**
   * From now on at most `total` messages are out, those that are claimed included.
   *
   * @throws CaromError `CAROM_STORE_UNAVAILABLE`
   */
  async want(total: number): Promise<void> {
    const wanted = Math.min(MAX_CREDIT, Math.max(1, total))
    // Looked at in turn: a withdrawal that is under way takes away what is there.
    await this.#inTurn(async () => {
      if (!this.#credit.has(wanted)) await this.#credit.set(wanted)
    })
  }

  even(): Promise<void> {
    return this.#inTurn(() => this.#credit.even())
  }

  /** What is about to be acked is not to be replaced, unless somebody asks for more. */
  lower(total: number): void {
    if (this.alive) this.#credit.lower(Math.max(1, total))
  }

  /**
   * No further messages, until they are wanted again. What was not claimed goes back, as if it had never been here, and
   * `others` with it: while RabbitMQ may deliver more, the next message can overtake one that is on its way back.
   */
  async withdraw(others: readonly Arrival[] = []): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.alive) return
      await this.#credit.cancelAll()
      this.requeue([...others, ...this.arrivals.splice(0)], 'uncounted')
      await this.#credit.barrier()
    })
  }

  ack(deliveryTags: readonly number[]): void {
    if (this.alive && deliveryTags.length > 0) this.#credit.ack(deliveryTags)
  }

  /** To their old places. The lowest first: as soon as one is back it may be delivered again. */
  requeue(arrivals: readonly Arrival[], count: 'counted' | 'uncounted'): void {
    if (!this.alive) return
    for (const { deliveryTag, queue, message } of [...arrivals].sort((a, b) => a.deliveryTag - b.deliveryTag)) {
      if (count === 'uncounted') this.#store.returned.add(queue, message)
      this.#credit.requeue(deliveryTag)
    }
  }

  /** Resolves once RabbitMQ has seen all acks; rejects when the channel ended before. */
  barrier(): Promise<void> {
    return this.#credit.barrier()
  }

  async close(): Promise<void> {
    // What was published elsewhere already would come twice. Nothing else may keep the process alive meanwhile.
    const over = new AbortController()
    await Promise.race([this.#moving, pause(MOVING_MS, undefined, { signal: over.signal }).catch(() => {})])
    over.abort()
    await this.#channel.close()
  }

  /** One after the other: each begins where the one before has left the channel. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const next = this.#last.then(step).catch((error: unknown) => {
      throw asCaromError(error, `Cannot consume ${this.#queues.join(', ')} at ${this.#store.name}`)
    })
    this.#last = next.catch(() => {})
    return next
  }

  #delivered(queue: string, raw: Delivered): void {
    const judgement = judgeArrival(queue, raw, this.#store.returned, Date.now())
    if (judgement.type === 'claimable') {
      this.arrivals.push(judgement.arrival)
      this.#owner.changed()
      return
    }
    this.#moved.push(judgement)
    this.#moving ??= this.#move().finally(() => {
      this.#moving = null
    })
  }

  /** Published and confirmed, then acked. What cannot be published waits here, and keeps its credit. */
  async #move(): Promise<void> {
    for (let failures = 0; this.#moved.length > 0 && this.alive; ) {
      await turn()
      const batch = this.#moved.splice(0)
      // Each by itself: those that are there by now must not be published again because another one was refused.
      const tries = await Promise.allSettled(batch.map(({ to }) => this.#store.publish([to])))
      const isThere = (_: Moved, index: number) => tries[index]?.status === 'fulfilled'
      this.ack(batch.filter(isThere).map(({ deliveryTag }) => deliveryTag))
      const left = batch.filter((moved, index) => !isThere(moved, index))
      this.#moved.unshift(...left)
      if (left.length === 0) failures = 0
      else await pause(backoffMs(failures++, MOVE_BACKOFF), undefined, { ref: false })
    }
  }

  /** Its queue was deleted: what was delivered from it is gone, what comes from others stays. */
  #cancelled(consumerTag: string): void {
    const queue = this.#credit.ended(consumerTag)
    if (queue !== null) {
      this.#store.topology.forget(queue)
      // The channel counts them until they are acked, although there is nothing left to ack.
      const gone = this.arrivals.filter((arrival) => arrival.queue === queue)
      this.arrivals = this.arrivals.filter((arrival) => arrival.queue !== queue)
      this.ack([...gone, ...this.#owner.queueGone(this, queue)].map(({ deliveryTag }) => deliveryTag))
    }
    this.#owner.changed()
  }
}

const MAX_CREDIT = 65_535
const MOVING_MS = 2_000
const MOVE_BACKOFF = { firstMs: 100, maxMs: 5_000 }
