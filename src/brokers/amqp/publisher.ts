/**
 * Publishes with publisher confirms. A call resolves when RabbitMQ has taken charge of every message. AMQP has no step
 * for several messages at once that would be worth its price, so a call that fails may have left some of them there:
 * its error says how many were confirmed.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Channel, Connection, ReturnedMessage } from 'rabbitmq-client'
import { CaromError } from '../../errors.ts'
import { codeOf, unavailable } from './errors.ts'
import type { Link } from './link.ts'
import { bytesOf, type Publication } from './wire-message.ts'

interface InFlight {
  readonly publication: Publication
  /** RabbitMQ had no queue for it. */
  isReturned: boolean
}

export class Publisher {
  readonly #link: Link
  readonly #store: string
  #channel: Promise<Channel> | null = null
  readonly #inFlight = new Set<InFlight>()
  #connection: Connection | null = null
  /** What RabbitMQ takes (`max_message_size`), known once it has closed a channel of this connection for more. */
  #maxBytes = Infinity

  constructor(link: Link, store: string) {
    this.#link = link
    this.#store = store
  }

  /**
   * Resolves with those that no queue took (none of them is stored), once all others are confirmed.
   *
   * @throws CaromError `CAROM_STORE_UNAVAILABLE`, `CAROM_MESSAGE_INVALID`
   */
  async publish(publications: readonly Publication[]): Promise<readonly Publication[]> {
    if (publications.length === 0) return []
    await this.#link.whileBlocked(BLOCKED_MS)
    if (this.#link.blocked !== null) {
      throw unavailable(
        `RabbitMQ at ${this.#store} takes no messages (${this.#link.blocked} alarm): none of ${publications.length} was published`,
      )
    }
    const channel = await this.#open()
    this.#refuseLarge(publications)
    const sent = publications.map((publication) => ({ publication, isReturned: false }))
    for (const each of sent) this.#inFlight.add(each)
    try {
      await this.#confirm(channel, publications)
      // What was returned is told a turn later than the confirm that follows it.
      await turn()
      return sent.filter(({ isReturned }) => isReturned).map(({ publication }) => publication)
    } finally {
      for (const each of sent) this.#inFlight.delete(each)
    }
  }

  async close(): Promise<void> {
    const channel = await this.#channel?.catch(() => null)
    this.#channel = null
    if (channel != null) await this.#link.release(channel)
  }

  async #confirm(channel: Channel, publications: readonly Publication[]): Promise<void> {
    let confirmed = 0
    const failures: unknown[] = []
    const confirm = async ({ exchange, routingKey, mandatory, fields, headers, body }: Publication) => {
      try {
        await channel.basicPublish({ ...fields, exchange, routingKey, mandatory, headers }, body)
        confirmed++
      } catch (error) {
        this.#heed(error)
        failures.push(error)
      }
    }
    await this.#link.within(Promise.all(publications.map(confirm)), 'confirm what was published', CONFIRM_MS)
    if (failures.length === 0) return
    this.#refuseLarge(publications)
    const nacked = failures.every((error) => codeOf(error) === 'NACK')
    const rest = nacked ? 'the others were refused, as by a queue that is full' : 'the others may be there or not'
    throw unavailable(
      `RabbitMQ at ${this.#store} has confirmed ${confirmed} of ${publications.length} messages, ${rest}`,
      failures[0],
    )
  }

  /** The channel that ends of a message is told with whichever of those under way came first. */
  #heed(error: unknown): void {
    const [, bytes] = codeOf(error) === 'PRECONDITION_FAILED' ? (TOO_LARGE.exec((error as Error).message) ?? []) : []
    if (bytes !== undefined) this.#maxBytes = Number(bytes)
  }

  #refuseLarge(publications: readonly Publication[]): void {
    const large = publications.find(({ body }) => body.byteLength > this.#maxBytes)
    if (large === undefined) return
    const { headers, fields, body } = large
    const what = headers.task === undefined ? 'a result' : `task ${String(headers.task)}`
    const text = `Cannot publish ${what} (${String(headers.id ?? fields.correlationId)}): it has ${body.byteLength} bytes`
    const advice = `and RabbitMQ at ${this.#store} takes ${this.#maxBytes}: raise its max_message_size, or send less`
    throw new CaromError('CAROM_MESSAGE_INVALID', `${text}, ${advice}`)
  }

  #open(): Promise<Channel> {
    if (this.#channel !== null) return this.#channel
    const opening = this.#openChannel()
    this.#channel = opening
    const forget = () => {
      if (this.#channel === opening) this.#channel = null
    }
    opening.then((channel) => channel.once('close', forget), forget)
    return opening
  }

  async #openChannel(): Promise<Channel> {
    const connection = await this.#link.connect()
    if (connection !== this.#connection) this.#maxBytes = Infinity
    this.#connection = connection
    const channel = await this.#link.channel()
    await this.#link.within(channel.confirmSelect(), 'begin to confirm')
    channel.on('basic.return', (message) => this.#returned(message))
    return channel
  }

  /** Which of those that are alike came back makes no difference. */
  #returned(message: ReturnedMessage): void {
    const body = bytesOf(message.body)
    for (const each of this.#inFlight) {
      const { exchange, routingKey, headers, body: sent } = each.publication
      if (each.isReturned || exchange !== message.exchange || routingKey !== message.routingKey) continue
      // A stranger's id may be a number, or anything, which does not come back as it was written.
      const isOther = typeof headers.id === 'string' && headers.id !== message.headers?.id
      if (isOther || !sent.equals(body)) continue
      each.isReturned = true
      return
    }
  }
}

const TOO_LARGE = /larger than (?:configured )?max size (\d+)/
const BLOCKED_MS = 5_000
const CONFIRM_MS = 30_000
