/** The queue to which results are sent, and its consumer, which is there again after every lost connection. */
import { randomUUID } from 'node:crypto'
import { asCaromError } from '../../brokers/amqp/errors.ts'
import type { Channel } from '../../brokers/amqp/protocol/channel.ts'
import type { Delivered } from '../../brokers/amqp/protocol/incoming.ts'
import { reopened } from '../../brokers/amqp/reopened.ts'
import { readReply, unreadableReply } from '../../brokers/amqp/result-reply.ts'
import type { AmqpStore } from '../../brokers/amqp/store.ts'
import type { ResultMeta } from '../meta.ts'

export class ReplyQueue {
  readonly name: string = randomUUID()
  readonly #store: AmqpStore
  readonly #received: (meta: ResultMeta) => void
  readonly #ending = new AbortController()
  #opening: Promise<Channel> | null = null
  #restarting: Promise<void> | null = null

  constructor(store: AmqpStore, received: (meta: ResultMeta) => void) {
    this.#store = store
    this.#received = received
  }

  /** Resolves when results arrive. @throws CaromError `CAROM_STORE_UNAVAILABLE` */
  async open(): Promise<Channel> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  /** Resolves when everything that is in the queue now has been received. */
  async catchUp(): Promise<void> {
    const channel = await this.open()
    // The first answer comes from the queue and may overtake what it delivered before; the second one cannot.
    for (let asked = 0; asked < 2; asked++) {
      const answer = channel.queueDeclare({ queue: this.name, passive: true })
      await this.#within(answer, 'answer for the queue of results')
    }
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#restarting
    const channel = await this.#opening?.catch(() => null)
    if (channel?.active !== true) return
    await this.#store.link
      .within(channel.queueDelete({ queue: this.name }), 'delete the queue of results')
      .catch(() => {})
    await channel.close()
  }

  async #open(): Promise<Channel> {
    const { link, address } = this.#store
    const channel = await link.channel()
    channel.once('basic.cancel', () => channel.close())
    await this.#within(this.#listen(channel, address.persistentResults), 'set up a queue of results')
    channel.whenGone(() => this.#lost())
    return channel
  }

  async #within<T>(asked: Promise<T>, what: string): Promise<T> {
    const { link, name } = this.#store
    try {
      return await link.within(asked, what)
    } catch (error) {
      throw asCaromError(error, `RabbitMQ at ${name} did not ${what}`)
    }
  }

  /**
   * Celery's own goes with its consumer, and with it what comes while the connection is lost; how this one lives is
   * between RabbitMQ and this process.
   */
  async #listen(channel: Channel, durable: boolean): Promise<void> {
    const queue = this.name
    await channel.queueDeclare({ queue, durable, autoDelete: false, arguments: { 'x-expires': EXPIRES_MS } })
    await channel.basicConsume({ queue, consumerTag: 'results', noAck: true }, (message) => this.#deliver(message))
  }

  #deliver({ body, correlationId }: Delivered): void {
    let meta: ResultMeta
    try {
      meta = readReply(body)
    } catch (error) {
      // Without the property nobody can be told: for which task it is, is what cannot be read.
      if (correlationId === undefined) return
      meta = unreadableReply(correlationId, error)
    }
    this.#received(meta)
  }

  #lost(): void {
    this.#opening = null
    const { signal } = this.#ending
    if (signal.aborted) return
    this.#restarting ??= reopened(() => this.open(), signal).finally(() => {
      this.#restarting = null
    })
  }
}

// For how long results wait for a process that has lost its connection.
const EXPIRES_MS = 600_000
