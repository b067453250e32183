/** The child's end of the channel. Reports of one tick leave in one write, except those that must not wait. */
import { Socket } from 'node:net'
import { encodeFrame, FrameReader } from '../protocol/frame.ts'
import { frameToParent, readToChild, type ToChild, type ToParent } from '../protocol/messages.ts'
import { writeParts } from '../protocol/write.ts'

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
    if (this.#out.length === 0) process.nextTick(() => this.#flush())
    for (const part of encodeFrame(frameToParent(report, this.#generation))) this.#out.push(part)
  }

  /**
   * Calls `sent` once the kernel has the report: at once, unless the parent is behind with its reading. What comes
   * after it, a loop without end or the process's death, cannot take the report back.
   */
  sendNow(report: ToParent, sent: () => void): void {
    for (const part of encodeFrame(frameToParent(report, this.#generation))) this.#out.push(part)
    this.#flush(sent)
  }

  /** Writes what was sent in this tick past the event loop, because the process ends; waits a little for room. */
  lastWords(report?: ToParent): void {
    if (report !== undefined) this.#out.push(...encodeFrame(frameToParent(report, this.#generation)))
    // If a write is still on its way, what is written now would land in the middle of it.
    if (this.#socket.writableLength > 0 || this.#ended) return
    const giveUpAtMs = performance.now() + LAST_WORDS_MS
    try {
      while (this.#out.length > 0 && performance.now() < giveUpAtMs) {
        this.#out = writeParts(CHANNEL_FD, this.#out)
        if (this.#out.length > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
      }
    } catch {
      // Nobody listens: the exit code will have to do.
    }
  }

  /** Ends the channel after what was sent; resolves when it has left. */
  end(): Promise<void> {
    this.#flush()
    this.#ended = true
    this.#socket.removeAllListeners('close')
    return new Promise((resolve) => this.#socket.end(resolve))
  }

  #flush(sent?: () => void): void {
    if (this.#out.length === 0 || this.#ended) return
    const parts = this.#out
    this.#out = []
    const rest = this.#socket.writableLength === 0 ? this.#write(parts) : parts
    const last = rest.pop()
    if (last === undefined) return sent?.()
    for (const part of rest) this.#socket.write(part)
    this.#socket.write(last, sent)
  }

  #write(parts: Buffer[]): Buffer[] {
    try {
      return writeParts(CHANNEL_FD, parts)
    } catch {
      // EPIPE, or a job has closed what was not its own.
      return dieWithGroup()
    }
  }
}

const CHANNEL_FD = 3
const LAST_WORDS_MS = 500

/** The parent is gone: nobody wants the results of this process or of those it started. */
export function dieWithGroup(): never {
  process.kill(-process.pid, 'SIGKILL')
  throw new Error('unreachable: SIGKILL')
}
