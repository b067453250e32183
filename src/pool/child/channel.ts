/** The child's end of the channel. Reports of one tick leave in one write, except those that must not wait. */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { encodeFrame, FrameReader } from '../protocol/frame.ts'
import { frameToParent, readToChild, type ToChild, type ToParent } from '../protocol/messages.ts'

export interface ChannelListener {
  order(order: ToChild): void
}

export class Channel {
  readonly #generation: number
  readonly #socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true })
  #out: Buffer[] = []
  #ended = false

  constructor(generation: number) {
    this.#generation = generation
  }

  /** Orders are believed: they come from the parent. An end of the channel is the parent's end, and so this child's. */
  listen(listener: ChannelListener): void {
    const reader = new FrameReader(Number.POSITIVE_INFINITY)
    this.#socket.on('data', (chunk: Buffer) => {
      reader.push(chunk, (frame) => listener.order(readToChild(frame, this.#generation)))
    })
    this.#socket.on('error', dieWithGroup)
    this.#socket.on('close', dieWithGroup)
  }

  send(report: ToParent): void {
    if (this.#out.length === 0) process.nextTick(() => this.flush())
    for (const part of encodeFrame(frameToParent(report, this.#generation))) this.#out.push(part)
  }

  /** Hands everything to the kernel now: user code that never returns could not hold it back. */
  sendNow(report: ToParent): void {
    for (const part of encodeFrame(frameToParent(report, this.#generation))) this.#out.push(part)
    this.flush()
  }

  flush(): void {
    const parts = this.#out
    if (parts.length === 0 || this.#ended) return
    this.#out = []
    this.#socket.write(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
  }

  /** Written past the event loop, because the process is ending. Nothing, if a write is still on its way. */
  lastWords(report: ToParent): void {
    if (this.#socket.writableLength > 0) return
    try {
      writeSync(CHANNEL_FD, Buffer.concat([...this.#out, ...encodeFrame(frameToParent(report, this.#generation))]))
      this.#out = []
    } catch {
      // The exit code will have to do.
    }
  }

  /** Ends the channel after what was sent; resolves when it has left. */
  end(): Promise<void> {
    this.flush()
    this.#ended = true
    this.#socket.removeAllListeners('close')
    return new Promise((resolve) => this.#socket.end(resolve))
  }
}

const CHANNEL_FD = 3

/** The parent is gone: nobody wants the results of this process or of those it started. */
export function dieWithGroup(): never {
  process.kill(-process.pid, 'SIGKILL')
  throw new Error('unreachable: SIGKILL')
}
