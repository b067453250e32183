/**
 * One channel's life of a consumer: what RabbitMQ has delivered on it and was not acked yet. When the channel is gone,
 * so is every claim that was made on it, and the next session begins with nothing.
 *
 * The prefetch count is the credit: as many messages as are claimed and asked for may be out, and none beyond. Where
 * RabbitMQ can, that holds over all queues of the channel; quorum queues each get their share.
 */
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import type { AsyncMessage, Channel } from 'rabbitmq-client'
import { isCaromError } from '../../errors.ts'
import { backoffMs } from '../../support/backoff.ts'
import { type Arrival, judgeArrival } from './arrival.ts'
import { codeOf, unavailable } from './errors.ts'
import type { Prepared } from './prepared.ts'
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
  /** Consumer tags by queue. */
  readonly #consuming = new Map<string, string>()
  #credit = 0
  #last: Promise<void> = Promise.resolve()
  #moved: Moved[] = []
  #moving: Promise<void> | null = null

  private constructor(store: AmqpStore, queues: readonly string[], channel: Channel, owner: SessionOwner) {
    this.#store = store
    this.#queues = queues
    this.#channel = channel
    this.#owner = owner
    channel.once('close', () => owner.changed())
    channel.on('basic.cancel', (tag) => this.#cancelled(tag))
  }

  static async open(store: AmqpStore, queues: readonly string[], owner: SessionOwner): Promise<Session> {
    return new Session(store, queues, await store.link.channel(), owner)
  }

  get alive(): boolean {
    return this.#channel.active
  }

  /**
   * From now on at most `credit` messages are out, those that are claimed included.
   *
   * @throws CaromError `CAROM_STORE_UNAVAILABLE`
   */
  async want(credit: number): Promise<void> {
    const wanted = Math.min(MAX_CREDIT, Math.max(1, credit))
    const isConsuming = this.#consuming.size === this.#queues.length
    if (isConsuming && !this.#changesCredit(wanted)) return
    await this.#inTurn(async () => {
      try {
        if (this.#changesCredit(wanted)) await this.#setCredit(wanted)
        await this.#consumeAll()
      } catch (error) {
        if (isCaromError(error)) throw error
        throw unavailable(`Cannot consume ${this.#queues.join(', ')} at ${this.#store.name}`, error)
      }
    })
  }

  /** What is about to be acked is not to be replaced, unless somebody asks for more. Written before the acks are. */
  lower(credit: number): void {
    const wanted = Math.max(1, credit)
    if (!this.alive || !this.#store.sharesCredit || wanted >= this.#credit) return
    this.#credit = wanted
    this.#channel.basicQos({ prefetchCount: wanted, global: true }).catch(() => {})
  }

  /** No further messages. What was not claimed goes back, as if it had never been here. */
  async withdraw(): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.alive) return
      await this.#cancelAll()
      this.requeue(this.arrivals.splice(0), 'uncounted')
      await this.barrier()
    })
  }

  ack(deliveryTags: readonly number[]): void {
    if (this.alive) for (const deliveryTag of deliveryTags) this.#channel.basicAck({ deliveryTag })
  }

  /** To their old places. The lowest first: as soon as one is back it may be delivered again. */
  requeue(arrivals: readonly Arrival[], count: 'counted' | 'uncounted'): void {
    if (!this.alive) return
    for (const { deliveryTag, queue, message } of [...arrivals].sort((a, b) => a.deliveryTag - b.deliveryTag)) {
      if (count === 'uncounted') this.#store.returned.add(queue, message)
      this.#channel.basicNack({ deliveryTag, requeue: true })
    }
  }

  /** Resolves once RabbitMQ has seen all acks; rejects when the channel ended before. */
  async barrier(): Promise<void> {
    const asked = this.#channel.basicQos({ prefetchCount: Math.max(1, this.#credit), global: this.#store.sharesCredit })
    await this.#store.link.within(asked, 'take acks')
  }

  async close(): Promise<void> {
    // What was published elsewhere already would come twice.
    await Promise.race([this.#moving, pause(MOVING_MS, undefined, { ref: false })])
    await this.#channel.close()
  }

  #changesCredit(wanted: number): boolean {
    return this.#store.sharesCredit ? wanted !== this.#credit : wanted > this.#credit
  }

  async #setCredit(wanted: number): Promise<void> {
    const { sharesCredit, link } = this.#store
    // A consumer keeps the credit that it began with.
    if (!sharesCredit) await this.#cancelAll()
    this.#credit = wanted
    const prefetchCount = sharesCredit ? wanted : Math.ceil(wanted / this.#queues.length)
    await link.within(this.#channel.basicQos({ prefetchCount, global: sharesCredit }), 'set the prefetch count')
  }

  async #consumeAll(): Promise<void> {
    for (const queue of this.#queues) {
      if (this.#consuming.has(queue)) continue
      await this.#store.topology.declareQueue(queue)
      try {
        await this.#consume(queue)
      } catch (error) {
        // Its channel is gone with that; the next one knows.
        if (codeOf(error) === 'NOT_IMPLEMENTED') this.#store.sharesCredit = false
        else if (codeOf(error) === 'NOT_FOUND') this.#store.topology.forget(queue)
        else throw error
        return
      }
    }
  }

  async #consume(queue: string): Promise<void> {
    const asked = this.#channel.basicConsume({ queue }, (message) => this.#delivered(queue, message))
    const { consumerTag } = await this.#store.link.within(asked, `consume queue "${queue}"`)
    this.#consuming.set(queue, consumerTag)
  }

  async #cancelAll(): Promise<void> {
    for (const [queue, consumerTag] of this.#consuming) {
      await this.#store.link.within(this.#channel.basicCancel({ consumerTag }), `stop consuming queue "${queue}"`)
      this.#consuming.delete(queue)
    }
    this.#credit = 0
    // What came before the answer is handed out a turn later.
    await turn()
  }

  /** One after the other: each begins where the one before has left the channel. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const next = this.#last.then(step)
    this.#last = next.catch(() => {})
    return next
  }

  #delivered(queue: string, raw: AsyncMessage): void {
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
      try {
        await this.#store.publish(batch.map(({ to }) => to))
        this.ack(batch.map(({ deliveryTag }) => deliveryTag))
        failures = 0
      } catch {
        this.#moved.unshift(...batch)
        await pause(backoffMs(failures++, MOVE_BACKOFF), undefined, { ref: false })
      }
    }
  }

  /** Its queue was deleted: what was delivered from it is gone, what comes from others stays. */
  #cancelled(consumerTag: string): void {
    for (const [queue, tag] of this.#consuming) {
      if (tag !== consumerTag) continue
      this.#consuming.delete(queue)
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
