/**
 * Publishes with publisher confirms. A call resolves when RabbitMQ has taken charge of every message. AMQP has no step
 * for several messages at once that would be worth its price, so a call that fails may have left some of them there:
 * its error says how many were confirmed.
 */
import { CaromError } from '../../errors.ts'
import { asCaromError, codeOf, unavailable } from './errors.ts'
import type { Link } from './link.ts'
import type { Channel } from './protocol/channel.ts'
import type { Connection } from './protocol/connection.ts'
import type { Returned } from './protocol/incoming.ts'
import type { Publication } from './protocol/publication.ts'
import { named } from './wire-message.ts'

interface Call {
  readonly publications: readonly Publication[]
  /** Those for which RabbitMQ had no queue. */
  readonly returned: Set<Publication>
}

export class Publisher {
  readonly #link: Link
  readonly #store: string
  #channel: Promise<Channel> | null = null
  readonly #calls = new Set<Call>()
  #connection: Connection | null = null
  /** What RabbitMQ takes (`max_message_size`), known once it has closed a channel of this connection for more. */
  #maxBytes = Infinity

  constructor(link: Link, store: string) {
    this.#link = link
    this.#store = store
  }

  /**
   * Resolves with those that no queue took (none of them is stored), once all others are confirmed. Which are is said
   * to `confirmed`, also when it rejects.
   *
   * @throws CaromError `CAROM_STORE_UNAVAILABLE`, `CAROM_MESSAGE_INVALID`
   */
  async publish(
    publications: readonly Publication[],
    confirmed: (publication: Publication) => void,
  ): Promise<readonly Publication[]> {
    if (publications.length === 0) return []
    if (this.#link.blocked !== null) await this.#link.whileBlocked(BLOCKED_MS)
    if (this.#link.blocked !== null) {
      throw unavailable(
        `RabbitMQ at ${this.#store} takes no messages (${this.#link.blocked} alarm): none of ${publications.length} was published`,
      )
    }
    const channel = await this.#open()
    this.#refuseLarge(publications)
    const call = { publications, returned: new Set<Publication>() }
    this.#calls.add(call)
    try {
      await this.#confirm(channel, call, confirmed)
      return [...call.returned]
    } finally {
      this.#calls.delete(call)
    }
  }

  async #confirm(
    channel: Channel,
    { publications, returned }: Call,
    confirmed: (publication: Publication) => void,
  ): Promise<void> {
    // Said also when the answers come too late: the connection is given up then, and with it all that is unheard.
    const answers = channel.publish(publications).then((receipt) => {
      const missing = new Set([...receipt.refused, ...receipt.unheard])
      for (const [index, each] of publications.entries())
        if (!missing.has(index) && !returned.has(each)) confirmed(each)
      return receipt
    })
    const { refused, unheard, lost } = await this.#link.within(answers, 'confirm what was published', CONFIRM_MS)
    const missing = refused.length + unheard.length
    if (missing === 0) return
    this.#heed(lost)
    this.#refuseLarge(publications)
    const rest =
      unheard.length === 0 ? 'the others were refused, as by a queue that is full' : 'the others may be there or not'
    const count = `${publications.length - missing} of ${publications.length}`
    const done = `RabbitMQ at ${this.#store} has confirmed ${count} messages, ${rest}`
    throw unavailable(done, lost ?? undefined)
  }

  /** The channel that ends of a message is told with whichever of those under way came first. */
  #heed(error: unknown): void {
    const [, bytes] = codeOf(error) === 'PRECONDITION_FAILED' ? (TOO_LARGE.exec((error as Error).message) ?? []) : []
    if (bytes !== undefined) this.#maxBytes = Number(bytes)
  }

  #refuseLarge(publications: readonly Publication[]): void {
    const large = publications.find(({ body }) => body.byteLength > this.#maxBytes)
    if (large === undefined) return
    const { headers, properties, body } = large
    const what = headers.task === undefined ? 'a result' : `task ${named(headers.task)}`
    const text = `Cannot publish ${what} (${named(headers.id ?? properties.correlationId)}): it has ${body.byteLength} bytes`
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
    opening.then((channel) => channel.whenGone(forget), forget)
    return opening
  }

  async #openChannel(): Promise<Channel> {
    const connection = await this.#link.connect()
    if (connection !== this.#connection) this.#maxBytes = Infinity
    this.#connection = connection
    const channel = await this.#link.channel()
    try {
      await this.#link.within(channel.confirmSelect(), 'begin to confirm')
    } catch (error) {
      throw asCaromError(error, `RabbitMQ at ${this.#store} does not confirm what is published`)
    }
    channel.on('basic.return', (message) => this.#returned(message))
    return channel
  }

  /** It comes before its confirm. Which of those that are alike came back makes no difference. */
  #returned(message: Returned): void {
    for (const { publications, returned } of this.#calls) {
      const found = publications.find((publication) => !returned.has(publication) && isAlike(publication, message))
      if (found !== undefined) {
        returned.add(found)
        return
      }
    }
  }
}

function isAlike(publication: Publication, message: Returned): boolean {
  const { exchange, routingKey, properties, body } = publication
  if (exchange !== message.exchange || routingKey !== message.routingKey) return false
  return properties.correlationId === message.correlationId && message.body.equals(body)
}

const TOO_LARGE = /larger than (?:configured )?max size (\d+)/
const BLOCKED_MS = 5_000
const CONFIRM_MS = 30_000
