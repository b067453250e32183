/**
 * One connection to RabbitMQ, used once. What is written in one turn of the loop goes out in one piece. Its socket keeps
 * no process alive: whoever waits for an answer does, with the timer of its deadline.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AmqpError } from './amqp-error.ts'
import { Channel, type ChannelOwner } from './channel.ts'
import { FRAME_HEARTBEAT, FRAME_METHOD, FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { agreed, type Introduction, PROTOCOL_HEADER, putOpen, putStartOk } from './handshake.ts'
import { METHOD, method, methodOf, putClose, readClose, readFirstText, readTune, type Tuning } from './methods.ts'

export interface ConnectionOptions extends Introduction {
  readonly hostname: string
  readonly port: number
  /** The name to ask for its certificate, `null` without one; false for no TLS. */
  readonly tls: { readonly servername: string | null } | false
  /** For everything until it is open. */
  readonly openWithinMs: number
}

export interface ConnectionOwner {
  /** RabbitMQ takes nothing that is published, since it runs out of what `reason` says. */
  blocked(reason: string): void
  unblocked(): void
  /** Nothing can be asked any more. Once, and only after it was open. */
  ended(): void
}

type Answer = { readonly id: number; resolve(payload: Buffer): void }

export class Connection implements ChannelOwner {
  readonly output = new FrameWriter()
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #channels = new Map<number, Channel>()
  readonly #reader: FrameReader
  #tuning: Tuning
  #lastChannel = 0
  #awaited: Answer | null = null
  #error: Error | null = null
  #fail: (error: Error) => void = () => {}
  #isOpen = false
  #isEnded = false
  #isFlushing = false
  #heartbeats: NodeJS.Timeout | undefined
  #hasRead = false
  #hasWritten = false
  #silences = 0

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.#options = options
    this.#owner = owner
    this.#tuning = { channelMax: 0, frameMax: options.frameMax, heartbeat: 0 }
    this.#reader = new FrameReader(options.frameMax, (type, channel, payload) => this.#frame(type, channel, payload))
    this.#socket = socketTo(options)
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#socket.on('error', (error) => (this.#error ??= error))
    this.#socket.on('close', () => this.#ended())
  }

  get frameMax(): number {
    return this.#tuning.frameMax
  }

  /** Once. Rejects with RabbitMQ's refusal, or with what the system said. */
  async open(): Promise<void> {
    const late = setTimeout(() => {
      const { openWithinMs } = this.#options
      this.destroy(new AmqpError('ETIMEDOUT', `It was not open after ${openWithinMs} ms`))
    }, this.#options.openWithinMs)
    try {
      await Promise.race([this.#negotiate(), new Promise<never>((_, reject) => (this.#fail = reject))])
      this.#isOpen = true
      this.#socket.unref()
    } catch (error) {
      this.destroy(error as Error)
      throw error
    } finally {
      clearTimeout(late)
    }
  }

  /** A new channel, open. */
  async channel(): Promise<Channel> {
    const id = this.#freeId()
    const channel = new Channel(id, this)
    this.#channels.set(id, channel)
    await channel.open()
    return channel
  }

  /** What was written before is still carried out. Resolves when the connection is gone. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return
    const gone = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#socket.ref()
    putClose(this.output, 0, METHOD.connectionClose)
    this.#flush()
    await gone
  }

  /** What still waits to be written goes nowhere. */
  destroy(error?: Error): void {
    this.#error ??= error ?? null
    this.#socket.destroy()
  }

  wrote(): void {
    if (this.output.byteLength >= FLUSH_BYTES) return this.#flush()
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  channelClosed(id: number): void {
    this.#channels.delete(id)
  }

  async #negotiate(): Promise<void> {
    this.#socket.write(PROTOCOL_HEADER)
    await this.#awaits(METHOD.connectionStart)
    putStartOk(this.output, this.#options)
    this.#flush()
    this.#tuning = agreed(this.#options, readTune(await this.#awaits(METHOD.connectionTune)))
    putOpen(this.output, this.#options, this.#tuning)
    this.#flush()
    await this.#awaits(METHOD.connectionOpenOk)
    const { heartbeat } = this.#tuning
    if (heartbeat > 0) this.#heartbeats = setInterval(() => this.#beat(), heartbeat * 500).unref()
  }

  #awaits(id: number): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#awaited = { id, resolve }
    })
  }

  #received(chunk: Buffer): void {
    this.#hasRead = true
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  #frame(type: number, id: number, payload: Buffer): void {
    if (type === FRAME_HEARTBEAT) return
    if (id !== 0) {
      const channel = this.#channels.get(id)
      if (channel === undefined)
        throw new AmqpError('UNEXPECTED_FRAME', `A frame came for channel ${id}, which is closed`)
      return channel.received(type, payload)
    }
    if (type === FRAME_METHOD) this.#method(methodOf(payload), payload)
  }

  #method(id: number, payload: Buffer): void {
    switch (id) {
      case METHOD.connectionClose:
        this.#error ??= readClose(payload)
        method(this.output, 0, METHOD.connectionCloseOk).end()
        this.#flush()
        // Nobody waits until the other end has closed its side too, which it may never do.
        this.#socket.destroySoon()
        setTimeout(() => this.#socket.destroy(), CLOSE_OK_MS).unref()
        return this.#ended()
      case METHOD.connectionCloseOk:
        this.#socket.end()
        return
      case METHOD.connectionBlocked:
        return this.#owner.blocked(readFirstText(payload))
      case METHOD.connectionUnblocked:
        return this.#owner.unblocked()
      default: {
        const awaited = this.#awaited
        if (awaited?.id !== id) throw new AmqpError('COMMAND_INVALID', `A method (${id.toString(16)}) came too soon`)
        this.#awaited = null
        awaited.resolve(payload)
      }
    }
  }

  #flush(): void {
    if (this.output.byteLength === 0 || !this.#socket.writable) return
    this.#hasWritten = true
    this.#socket.write(this.output.take())
  }

  /** Twice in the time after which RabbitMQ gives a silent connection up. Four times without a word are enough here. */
  #beat(): void {
    this.#silences = this.#hasRead ? 0 : this.#silences + 1
    this.#hasRead = false
    if (this.#silences >= 4)
      return this.destroy(new AmqpError('ETIMEDOUT', 'Nothing was heard of RabbitMQ (heartbeat)'))
    if (!this.#hasWritten) {
      this.output.begin(FRAME_HEARTBEAT, 0).end()
      this.#flush()
    }
    this.#hasWritten = false
  }

  #ended(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    clearInterval(this.#heartbeats)
    const error = this.#error ?? new AmqpError('ECONNRESET', 'The connection was closed')
    this.#fail(error)
    for (const channel of [...this.#channels.values()]) channel.lost(error)
    if (this.#isOpen) this.#owner.ended()
  }

  #freeId(): number {
    const { channelMax } = this.#tuning
    for (let tries = 0; tries < channelMax; tries++) {
      this.#lastChannel = (this.#lastChannel % channelMax) + 1
      if (!this.#channels.has(this.#lastChannel)) return this.#lastChannel
    }
    throw new AmqpError('RESOURCE_ERROR', `All ${channelMax} channels of the connection are in use`)
  }
}

// So that RabbitMQ begins with the first messages of many while the others are written.
const FLUSH_BYTES = 32_768
// For the last frame to be written.
const CLOSE_OK_MS = 1_000

function socketTo({ hostname: host, port, tls }: ConnectionOptions): Socket {
  if (tls === false) return connectTcp({ host, port })
  return connectTls({ host, port, ...(tls.servername !== null && { servername: tls.servername }) })
}
