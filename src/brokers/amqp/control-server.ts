/** Answers requests for one node. Its queue is declared anew on every connection. */
import type { ControlRequest } from '../broker.ts'
import { answerOf } from '../control-reply.ts'
import {
  declareRequests,
  MAILBOX_ARGUMENTS,
  REQUEST_EXCHANGE,
  type ReceivedRequest,
  readRequest,
} from './control-wire.ts'
import { asCaromError } from './errors.ts'
import type { Channel } from './protocol/channel.ts'
import type { Delivered } from './protocol/incoming.ts'
import { reopened } from './reopened.ts'
import type { AmqpStore } from './store.ts'

export class ControlServer {
  readonly #store: AmqpStore
  readonly #node: string
  readonly #answer: (request: ControlRequest) => Promise<unknown>
  readonly #ending = new AbortController()
  #channel: Channel | null = null
  #replies: Promise<Channel> | null = null
  #restarting: Promise<void> | null = null

  constructor(store: AmqpStore, node: string, answer: (request: ControlRequest) => Promise<unknown>) {
    this.#store = store
    this.#node = node
    this.#answer = answer
  }

  /** Resolves when requests reach it. @throws CaromError `CAROM_STORE_UNAVAILABLE` */
  async start(): Promise<Channel> {
    const { link } = this.#store
    const channel = await link.channel()
    channel.once('basic.cancel', () => channel.close())
    try {
      await link.within(this.#listen(channel), 'set up remote control')
    } catch (error) {
      throw asCaromError(error, `Cannot set up remote control of ${this.#node} at ${this.#store.name}`)
    }
    if (this.#ending.signal.aborted) {
      await channel.close()
      return channel
    }
    this.#channel = channel
    channel.whenGone(() => this.#lost(channel))
    return channel
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#restarting
    const replies = await this.#replies?.catch(() => null)
    await Promise.all([this.#channel?.close(), replies?.close()])
  }

  async #listen(channel: Channel): Promise<void> {
    await declareRequests(channel)
    const queue = `${this.#node}.${REQUEST_EXCHANGE}`
    await channel.queueDeclare({ queue, durable: false, autoDelete: true, arguments: MAILBOX_ARGUMENTS })
    await channel.queueBind({ queue, exchange: REQUEST_EXCHANGE, routingKey: '' })
    await channel.basicConsume(
      { queue, consumerTag: 'requests', noAck: true },
      (message) => void this.#received(message),
    )
  }

  #lost(channel: Channel): void {
    if (this.#channel !== channel) return
    this.#channel = null
    const { signal } = this.#ending
    if (signal.aborted) return
    this.#restarting ??= reopened(() => this.start(), signal).finally(() => {
      this.#restarting = null
    })
  }

  async #received({ body }: Delivered): Promise<void> {
    const received = readRequest(body, this.#node)
    if (received === null || this.#ending.signal.aborted) return
    const reply = await answerOf(this.#answer, received.request)
    if (received.replyTo !== null) await this.#reply(received, received.replyTo, reply).catch(() => {})
  }

  async #reply(
    { ticket }: ReceivedRequest,
    { exchange, routingKey }: NonNullable<ReceivedRequest['replyTo']>,
    reply: string,
  ): Promise<void> {
    // Not confirmed, and on a channel of its own: an exchange that does not exist ends the channel.
    const channel = await this.#openReplies()
    const body = Buffer.from(`{${JSON.stringify(this.#node)}: ${reply}}`)
    const headers = { ...(typeof ticket === 'string' && { ticket }), clock: 0 }
    const properties = { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 1, priority: 0 }
    await channel.publish([{ exchange, routingKey, mandatory: false, properties, headers, body }])
  }

  /** One for all replies, those that are ready at the same time included. */
  #openReplies(): Promise<Channel> {
    if (this.#replies !== null) return this.#replies
    const opening = this.#store.publishingLink.channel()
    this.#replies = opening
    const forget = () => {
      if (this.#replies === opening) this.#replies = null
    }
    opening.then((channel) => channel.whenGone(forget), forget)
    return opening
  }
}
