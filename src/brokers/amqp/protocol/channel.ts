/**
 * One channel of a connection. What is asked does not wait for what was asked before: RabbitMQ takes a channel's frames
 * in order. An error of RabbitMQ's ends the channel, and with it everything that was asked.
 */
import { EventEmitter } from 'node:events'
import { AmqpError, channelClosed } from './amqp-error.ts'
import { Confirms, type Receipt, UNASKED, unwritten } from './confirms.ts'
import type { Headers } from './content.ts'
import { FRAME_HEADER, FRAME_METHOD } from './frame-reader.ts'
import type { FrameWriter } from './frame-writer.ts'
import { type Consume, type Delivered, Incoming, isDelivered, type Returned } from './incoming.ts'
import {
  METHOD,
  method,
  methodOf,
  putClose,
  readClose,
  readConfirm,
  readDeliver,
  readFirstText,
  readMessageCount,
  readReturn,
} from './methods.ts'
import { type Publication, putPublication } from './publication.ts'

/** The connection, as its channels see it. */
export interface ChannelOwner {
  /** Written with everything else of this moment. */
  readonly output: FrameWriter
  readonly frameMax: number
  /** Something is in `output`. */
  wrote(): void
  /** The channel's number is free. */
  channelClosed(id: number): void
}

interface Asked {
  readonly answer: number
  resolve(payload: Buffer): void
  reject(error: Error): void
}

interface ChannelEvents {
  /** It is gone, for whatever reason. Once. */
  close: []
  /** RabbitMQ has ended a consumer, since its queue is gone. */
  'basic.cancel': [consumerTag: string]
  'basic.return': [message: Returned]
}

export class Channel extends EventEmitter<ChannelEvents> {
  readonly #id: number
  readonly #owner: ChannelOwner
  readonly #consumers = new Map<string, (message: Delivered) => void>()
  /** `null` where nothing is confirmed. */
  #confirms: Confirms | null = null
  readonly #incoming = new Incoming()
  #asked: Asked[] = []
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(id: number, owner: ChannelOwner) {
    super()
    this.#id = id
    this.#owner = owner
  }

  get active(): boolean {
    return this.#state === 'open'
  }

  async open(): Promise<void> {
    await this.#ask(METHOD.channelOpen, METHOD.channelOpenOk, (to) => to.text(''))
  }

  /** Calls once it is gone; at once where it is, since it may go in the very moment in which it has answered. */
  whenGone(call: () => void): void {
    if (this.#state === 'closed') call()
    else this.once('close', call)
  }

  /** Resolves when it is gone, also where it already was, or when RabbitMQ does not answer. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const closed = new Promise<void>((resolve) => {
      // Meanwhile it keeps the process alive, which the connection does not.
      const timer = setTimeout(resolve, CLOSE_MS)
      this.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
    if (this.#state === 'open') {
      this.#state = 'closing'
      putClose(this.#owner.output, this.#id, METHOD.channelClose)
      this.#owner.wrote()
    }
    await closed
  }

  async confirmSelect(): Promise<void> {
    this.#confirms = new Confirms()
    await this.#ask(METHOD.confirmSelect, METHOD.confirmSelectOk, (to) => to.bits(false))
  }

  /**
   * Resolves once all of them are confirmed or nothing more can be heard of them; without `confirmSelect` at once. What
   * comes behind one that cannot be written is not sent either.
   */
  async publish(publications: readonly Publication[]): Promise<Receipt> {
    let lost: Error | null = this.active ? null : channelClosed()
    let written = 0
    for (const publication of this.active ? publications : []) {
      lost = this.#write(publication)
      if (lost !== null) break
      written++
    }
    const receipt = (await this.#confirms?.expect(written)) ?? UNASKED
    return lost === null ? receipt : unwritten(receipt, written, publications.length, lost)
  }

  /** On a channel that is gone there is nothing left to ack. */
  basicAck({ deliveryTag, multiple }: { readonly deliveryTag: number; readonly multiple?: boolean }): void {
    if (!this.active) return
    method(this.#owner.output, this.#id, METHOD.basicAck).longLong(deliveryTag).bits(multiple).end()
    this.#owner.wrote()
  }

  basicNack(nack: { readonly deliveryTag: number; readonly multiple?: boolean; readonly requeue: boolean }): void {
    if (!this.active) return
    const frame = method(this.#owner.output, this.#id, METHOD.basicNack)
    frame.longLong(nack.deliveryTag).bits(nack.multiple, nack.requeue).end()
    this.#owner.wrote()
  }

  async basicQos({ prefetchCount, global = false }: { readonly prefetchCount: number; readonly global?: boolean }) {
    await this.#ask(METHOD.basicQos, METHOD.basicQosOk, (to) => to.long(0).short(prefetchCount).bits(global))
  }

  async basicConsume(consume: Consume, deliver: (message: Delivered) => void): Promise<void> {
    const { queue, consumerTag, noAck, exclusive } = consume
    this.#consumers.set(consumerTag, deliver)
    await this.#ask(METHOD.basicConsume, METHOD.basicConsumeOk, (to) =>
      to.short(0).text(queue).text(consumerTag).bits(false, noAck, exclusive, false).table({}),
    )
  }

  /** What was delivered before the answer has been handed out. */
  async basicCancel({ consumerTag }: { readonly consumerTag: string }): Promise<void> {
    await this.#ask(METHOD.basicCancel, METHOD.basicCancelOk, (to) => to.text(consumerTag).bits(false))
    this.#consumers.delete(consumerTag)
  }

  async queueDeclare(queue: {
    readonly queue: string
    readonly passive?: boolean
    readonly durable?: boolean
    readonly autoDelete?: boolean
    readonly arguments?: Headers
  }): Promise<{ readonly messageCount: number }> {
    const { passive, durable, autoDelete } = queue
    const answer = await this.#ask(METHOD.queueDeclare, METHOD.queueDeclareOk, (to) =>
      to
        .short(0)
        .text(queue.queue)
        .bits(passive, durable, false, autoDelete, false)
        .table(queue.arguments ?? {}),
    )
    return { messageCount: readMessageCount(answer) }
  }

  async queueBind(bind: { readonly queue: string; readonly exchange: string; readonly routingKey: string }) {
    await this.#ask(METHOD.queueBind, METHOD.queueBindOk, (to) =>
      to.short(0).text(bind.queue).text(bind.exchange).text(bind.routingKey).bits(false).table({}),
    )
  }

  async queuePurge({ queue }: { readonly queue: string }): Promise<{ readonly messageCount: number }> {
    const put = (to: FrameWriter) => to.short(0).text(queue).bits(false)
    return { messageCount: readMessageCount(await this.#ask(METHOD.queuePurge, METHOD.queuePurgeOk, put)) }
  }

  async queueDelete({ queue }: { readonly queue: string }): Promise<void> {
    await this.#ask(METHOD.queueDelete, METHOD.queueDeleteOk, (to) => to.short(0).text(queue).bits(false))
  }

  async exchangeDeclare(exchange: {
    readonly exchange: string
    readonly type: string
    readonly durable: boolean
    readonly autoDelete?: boolean
  }): Promise<void> {
    const { durable, autoDelete } = exchange
    await this.#ask(METHOD.exchangeDeclare, METHOD.exchangeDeclareOk, (to) =>
      to.short(0).text(exchange.exchange).text(exchange.type).bits(false, durable, autoDelete, false, false).table({}),
    )
  }

  async exchangeBind(bind: { readonly destination: string; readonly source: string; readonly routingKey: string }) {
    await this.#ask(METHOD.exchangeBind, METHOD.exchangeBindOk, (to) =>
      to.short(0).text(bind.destination).text(bind.source).text(bind.routingKey).bits(false).table({}),
    )
  }

  /** A frame for this channel. @throws AmqpError, RangeError, after which the connection is good for nothing */
  received(type: number, payload: Buffer): void {
    if (type === FRAME_METHOD) return this.#method(payload)
    if (this.#state !== 'open') return
    const message = type === FRAME_HEADER ? this.#incoming.header(payload) : this.#incoming.body(payload)
    if (message === null) return
    if (isDelivered(message)) this.#consumers.get(message.consumerTag)?.(message)
    else this.emit('basic.return', message)
  }

  /** Nothing can be asked or heard any more. */
  lost(error: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#consumers.clear()
    const asked = this.#asked.splice(0)
    for (const { reject } of asked) reject(error)
    this.#confirms?.lose(error)
    this.#owner.channelClosed(this.#id)
    this.emit('close')
  }

  #method(payload: Buffer): void {
    const id = methodOf(payload)
    if (id === METHOD.channelClose) {
      method(this.#owner.output, this.#id, METHOD.channelCloseOk).end()
      this.#owner.wrote()
      // It crossed this side's own: RabbitMQ answers that too, and a frame for a channel that is forgotten is an error.
      return this.#state === 'closing' ? undefined : this.lost(readClose(payload))
    }
    if (id === METHOD.channelCloseOk) return this.lost(channelClosed())
    if (this.#state !== 'open') return
    switch (id) {
      case METHOD.basicDeliver:
        return this.#incoming.begin(readDeliver(payload))
      case METHOD.basicReturn:
        return this.#incoming.begin(readReturn(payload))
      case METHOD.basicAck:
      case METHOD.basicNack: {
        const { deliveryTag, multiple } = readConfirm(payload)
        return this.#confirms?.heard(deliveryTag, multiple, id === METHOD.basicAck)
      }
      case METHOD.basicCancel: {
        const consumerTag = readFirstText(payload)
        this.#consumers.delete(consumerTag)
        this.emit('basic.cancel', consumerTag)
        return
      }
      default:
        this.#answered(id, payload)
    }
  }

  /** Why it cannot be written, and then nothing of it is. */
  #write(publication: Publication): Error | null {
    const { output, frameMax } = this.#owner
    const before = output.byteLength
    try {
      putPublication(output, this.#id, frameMax, publication)
    } catch (error) {
      output.cut(before)
      return error as Error
    }
    this.#owner.wrote()
    return null
  }

  /** Answers of one kind come in the order in which they were asked for; those of a queue may overtake others. */
  #answered(id: number, payload: Buffer): void {
    const index = this.#asked.findIndex(({ answer }) => answer === id)
    if (index < 0) throw new AmqpError('UNEXPECTED_FRAME', `A method (${id.toString(16)}) came that nobody asked for`)
    const [asked] = this.#asked.splice(index, 1)
    asked?.resolve(payload)
  }

  #ask(id: number, answer: number, put: (to: FrameWriter) => FrameWriter): Promise<Buffer> {
    if (!this.active) return Promise.reject(channelClosed())
    const { output } = this.#owner
    const before = output.byteLength
    return new Promise((resolve, reject) => {
      try {
        put(method(output, this.#id, id)).end()
      } catch (error) {
        output.cut(before)
        throw error
      }
      this.#owner.wrote()
      this.#asked.push({ answer, resolve, reject })
    })
  }
}

const CLOSE_MS = 2_000
