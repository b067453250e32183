/**
 * How many messages may be out on one channel, and which are.
 *
 * RabbitMQ can limit that over all queues of a channel, and the limit can be changed at any time. Quorum queues know no
 * such limit, only one per consumer, which stays as the consumer began: there each queue gets a share, and a queue that
 * has used up its own gets what others have left, by a new consumer.
 */
import { codeOf } from './errors.ts'
import type { Channel } from './protocol/channel.ts'
import type { Delivered } from './protocol/incoming.ts'
import type { AmqpStore } from './store.ts'

interface QueueConsumer {
  readonly consumerTag: string
  readonly limit: number
  /** Delivered to this consumer, and not ended yet. */
  readonly out: Set<number>
}

export class Credit {
  readonly #store: AmqpStore
  readonly #queues: readonly string[]
  readonly #channel: Channel
  readonly #deliver: (queue: string, message: Delivered) => void
  readonly #consumers = new Map<string, QueueConsumer>()
  /** Delivery tags in the order in which they came, which is that of the tags. */
  readonly #out = new Set<number>()
  #total = 0
  #begun = 0

  constructor(
    store: AmqpStore,
    queues: readonly string[],
    channel: Channel,
    deliver: (queue: string, message: Delivered) => void,
  ) {
    this.#store = store
    this.#queues = queues
    this.#channel = channel
    this.#deliver = deliver
  }

  /** Whether `total` is in force, and every queue consumed. */
  has(total: number): boolean {
    const isEnough = this.#store.sharesCredit ? total === this.#total : total <= this.#out.size + this.#room
    return isEnough && this.#consumers.size === this.#queues.length
  }

  async set(total: number): Promise<void> {
    if (this.#store.sharesCredit) {
      if (total !== this.#total) this.#limitAll(total)
    } else if (total > this.#out.size + this.#room) {
      // A consumer keeps the limit that it began with.
      await this.cancelAll()
    }
    this.#total = total
    // Where each consumer has a limit of its own, what is out already came by those before them.
    const left = this.#store.sharesCredit ? total : Math.max(1, total - this.#out.size)
    const share = Math.ceil(left / this.#queues.length)
    for (const queue of this.#queues) {
      if (!this.#consumers.has(queue) && !(await this.#consume(queue, share))) return
    }
  }

  /** Less than there is. Written at once, so that acks that are written next bring nothing new. */
  lower(total: number): void {
    if (this.#store.sharesCredit && total < this.#total) this.#limitAll(total)
  }

  /** How many more its consumers let out, where each has a limit of its own. */
  get #room(): number {
    return [...this.#consumers.values()].reduce((sum, { limit, out }) => sum + Math.max(0, limit - out.size), 0)
  }

  /** Some queue may have more, and others leave room for it. */
  get isUneven(): boolean {
    if (this.#store.sharesCredit || this.#queues.length === 1 || this.#out.size >= this.#total) return false
    return [...this.#consumers.values()].some(({ limit, out }) => out.size >= limit)
  }

  /**
   * What is left goes in equal shares to the queues that have used up their own. What the others still let out comes on
   * top: their consumers keep the limits that they began with.
   */
  async even(): Promise<void> {
    // Before the first one begins anew: it would be met once more, behind the others.
    const full = [...this.#consumers].filter(([, { limit, out }]) => out.size >= limit)
    let left = this.#total - this.#out.size
    const share = Math.max(1, Math.floor(left / full.length))
    for (const [queue, { consumerTag }] of full) {
      // Others may have delivered meanwhile.
      left = Math.min(left, this.#total - this.#out.size)
      if (left <= 0) return
      if (this.#consumers.get(queue)?.consumerTag !== consumerTag) continue
      const limit = Math.min(share, left)
      await this.#cancel(queue)
      if (!(await this.#consume(queue, limit))) return
      left -= limit
    }
  }

  async cancelAll(): Promise<void> {
    for (const queue of [...this.#consumers.keys()]) await this.#cancel(queue)
    this.#total = 0
  }

  /** The queue of a consumer that RabbitMQ has ended, `null` if it is no longer one. */
  ended(consumerTag: string): string | null {
    for (const [queue, consumer] of this.#consumers) {
      if (consumer.consumerTag !== consumerTag) continue
      this.#consumers.delete(queue)
      return queue
    }
    return null
  }

  ack(deliveryTags: readonly number[]): void {
    const ended = new Set(deliveryTags)
    // Everything up to some tag is one frame.
    let upTo = 0
    for (const deliveryTag of this.#out) {
      if (!ended.delete(deliveryTag)) break
      upTo = deliveryTag
    }
    if (upTo > 0) this.#channel.basicAck({ deliveryTag: upTo, multiple: true })
    for (const deliveryTag of ended) this.#channel.basicAck({ deliveryTag })
    this.#forget(deliveryTags)
  }

  requeue(deliveryTag: number): void {
    this.#channel.basicNack({ deliveryTag, requeue: true })
    this.#forget([deliveryTag])
  }

  /** Resolves once RabbitMQ has seen all acks; rejects when the channel ended before. */
  async barrier(): Promise<void> {
    const asked = this.#qos(Math.max(1, this.#total))
    await this.#store.link.within(asked, 'take acks')
  }

  #limitAll(total: number): void {
    this.#total = total
    // What is asked next waits for its answer; if it fails, so does the channel.
    this.#qos(total).catch(() => {})
  }

  #qos(prefetchCount: number): Promise<void> {
    return this.#channel.basicQos({ prefetchCount, global: this.#store.sharesCredit })
  }

  /** False where that has ended the channel, and the next one will do better. */
  async #consume(queue: string, limit: number): Promise<boolean> {
    const { topology, link, sharesCredit } = this.#store
    await topology.declareQueue(queue)
    const out = new Set<number>()
    const deliver = (message: Delivered) => {
      out.add(message.deliveryTag)
      this.#out.add(message.deliveryTag)
      this.#deliver(queue, message)
    }
    const consumerTag = `c${++this.#begun}`
    // Known before the answer, with which RabbitMQ may say that it is over.
    this.#consumers.set(queue, { consumerTag, limit, out })
    try {
      if (!sharesCredit) await link.within(this.#qos(limit), 'set the prefetch count')
      await link.within(this.#channel.basicConsume({ queue, consumerTag }, deliver), `consume queue "${queue}"`)
      return true
    } catch (error) {
      this.#consumers.delete(queue)
      if (codeOf(error) === 'NOT_IMPLEMENTED') this.#store.sharesCredit = false
      else if (codeOf(error) === 'NOT_FOUND') topology.forget(queue)
      else throw error
      return false
    }
  }

  async #cancel(queue: string): Promise<void> {
    const consumerTag = this.#consumers.get(queue)?.consumerTag
    // RabbitMQ has ended it while others were cancelled.
    if (consumerTag === undefined) return
    await this.#store.link.within(this.#channel.basicCancel({ consumerTag }), `stop consuming queue "${queue}"`)
    this.#consumers.delete(queue)
  }

  #forget(deliveryTags: readonly number[]): void {
    for (const deliveryTag of deliveryTags) {
      this.#out.delete(deliveryTag)
      for (const { out } of this.#consumers.values()) out.delete(deliveryTag)
    }
  }
}
