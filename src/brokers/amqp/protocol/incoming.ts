/** Puts a message together from its frames. Pure. */
import { AmqpError } from './amqp-error.ts'
import { type Content, type ContentHeader, readContentHeader } from './content.ts'
import type { Delivering } from './methods.ts'

export interface Consume {
  readonly queue: string
  /** The caller's choice: what RabbitMQ says of a consumer may come with the answer that it is one. */
  readonly consumerTag: string
  readonly noAck?: boolean
  readonly exclusive?: boolean
}

export interface Delivered extends Delivering, Content {}

/** No queue took it. */
export interface Returned extends Content {
  readonly exchange: string
  readonly routingKey: string
}

export function isDelivered(message: Delivered | Returned): message is Delivered {
  return 'deliveryTag' in message
}

/** What the method said that began it. */
export type Source = Delivering | Omit<Returned, keyof Content>

export class Incoming {
  #source: Source | null = null
  #header: ContentHeader | null = null
  #pieces: Buffer[] = []
  #bodyBytes = 0

  begin(source: Source): void {
    if (this.#source !== null) throw unexpected('A message began before the one before it was whole')
    this.#source = source
  }

  /** The message, once it is whole. @throws AmqpError, RangeError */
  header(payload: Buffer): Delivered | Returned | null {
    if (this.#source === null || this.#header !== null) throw unexpected('A header came without a message')
    this.#header = readContentHeader(payload)
    return this.#whole(this.#source, this.#header)
  }

  /** The message, once it is whole. @throws AmqpError */
  body(payload: Buffer): Delivered | Returned | null {
    if (this.#source === null || this.#header === null) throw unexpected('A body came without its header')
    // The memory that it came in holds other frames, too.
    this.#pieces.push(Buffer.from(payload))
    this.#bodyBytes += payload.byteLength
    return this.#whole(this.#source, this.#header)
  }

  #whole(source: Source, { properties, bodyBytes }: ContentHeader): Delivered | Returned | null {
    if (this.#bodyBytes < bodyBytes) return null
    const [only] = this.#pieces
    const body = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces)
    this.#source = null
    this.#header = null
    this.#pieces = []
    this.#bodyBytes = 0
    return { ...properties, ...source, body }
  }
}

function unexpected(text: string): AmqpError {
  return new AmqpError('UNEXPECTED_FRAME', text)
}
