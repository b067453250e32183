/** Asks all workers, Python's too, and collects their replies. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { encodeWireJson } from '../../message/wire-json.ts'
import type { ControlRequest } from '../broker.ts'
import {
  declareReplies,
  declareRequests,
  MAILBOX_ARGUMENTS,
  REPLY_EXCHANGE,
  REQUEST_EXCHANGE,
  readObject,
} from './control-wire.ts'
import { asCaromError } from './errors.ts'
import type { Channel } from './protocol/channel.ts'
import { UnreadableHeaders } from './protocol/content.ts'
import type { Delivered } from './protocol/incoming.ts'
import type { AmqpStore } from './store.ts'

export class ControlAsker {
  readonly #store: AmqpStore

  constructor(store: AmqpStore) {
    this.#store = store
  }

  async ask(
    request: ControlRequest,
    { timeoutMs, limit = Infinity }: { readonly timeoutMs: number; readonly limit?: number },
  ): Promise<Readonly<Record<string, unknown>>> {
    const { link } = this.#store
    const ticket = randomUUID()
    const replies = new Map<string, unknown>()
    const enough = new AbortController()
    const collect = ({ body, headers = {} }: Delivered) => {
      if (headers instanceof UnreadableHeaders || headers.ticket !== ticket) return
      for (const [node, reply] of Object.entries(readObject(body) ?? {})) {
        if (replies.size < MAX_REPLIES) replies.set(node, reply)
      }
      if (replies.size >= limit) enough.abort()
    }
    const channel = await link.channel()
    try {
      const address = randomUUID()
      await link.within(this.#listen(channel, address, collect), 'set up a queue for replies')
      await this.#send(request, ticket, address, timeoutMs)
      await pause(timeoutMs, undefined, { signal: enough.signal }).catch(() => {})
      return Object.fromEntries(replies)
    } catch (error) {
      throw asCaromError(error, `Cannot ask the workers at ${this.#store.name}`)
    } finally {
      // The queue goes with its consumer.
      await channel.close()
    }
  }

  async #listen(channel: Channel, address: string, collect: (message: Delivered) => void): Promise<void> {
    await declareRequests(channel)
    await declareReplies(channel)
    const queue = `${address}.${REPLY_EXCHANGE}`
    await channel.queueDeclare({ queue, durable: false, autoDelete: true, arguments: MAILBOX_ARGUMENTS })
    await channel.queueBind({ queue, exchange: REPLY_EXCHANGE, routingKey: address })
    await channel.basicConsume({ queue, consumerTag: 'replies', noAck: true }, collect)
  }

  async #send(request: ControlRequest, ticket: string, address: string, timeoutMs: number): Promise<void> {
    const body = {
      ...request,
      pattern: null,
      matcher: null,
      ticket,
      reply_to: { exchange: REPLY_EXCHANGE, routing_key: address },
    }
    const publication = {
      exchange: REQUEST_EXCHANGE,
      routingKey: '',
      mandatory: false,
      properties: {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        deliveryMode: 2,
        priority: 0,
      },
      headers: { clock: 0, expires: (Date.now() + timeoutMs) / 1000 },
      body: Buffer.from(encodeWireJson(body, { root: 'request' })),
    }
    await this.#store.publish([{ publication, queue: null, dueMs: 0 }])
  }
}

// A stranger may reply under as many names as it likes.
const MAX_REPLIES = 10_000
