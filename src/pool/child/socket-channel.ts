/**
 * The channel of a child that is a process. Reports lie in the outbox, and the parent is rung for; without one, or where
 * they find no room there, they go over the socket. Those of one tick leave in one write, except those that must not wait.
 * None waits longer: in the next tick another job may go on that never waits, or ends the process.
 */
import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net'
import { type Frame, FrameReader, FrameWriter } from '../protocol/frame.ts'
import { frameToParent, readToChild, type ToParent } from '../protocol/messages.ts'
import type { Outbox } from '../protocol/outbox.ts'
import { keepPayload } from '../protocol/payload.ts'
import { ReadArea, readNow } from '../protocol/read.ts'
import { writeParts } from '../protocol/write.ts'
import type { Channel, ChannelListener, Progress } from './channel.ts'

export class SocketChannel implements Channel {
  readonly sharesMemory = false
  readonly #generation: number
  readonly #outbox: Outbox | null
  readonly #fd: number
  readonly #socket: Socket
  readonly #reader = new FrameReader(Number.POSITIVE_INFINITY)
  #order: (frame: Frame) => void = () => {}
  readonly #out = new FrameWriter()
  /** Reports that went over the socket. */
  #overSocket = 0
  /** There is something in the shared memory that the parent was not told of. */
  #isNews = false
  #isBegun = false
  /** What nobody has read room for yet, by job. */
  readonly #held = new Map<number, Progress>()
  /** What was sent leaves in the next tick. */
  #isLeaving = false
  /** For what was lent and could not be written at once. */
  #spare = Buffer.alloc(0)
  #ended = false

  /** Over `fd`; a child's own channel is that of its start. */
  constructor(generation: number, outbox: Outbox | null, fd = CHANNEL_FD) {
    this.#generation = generation
    this.#outbox = outbox
    this.#fd = fd
    const area = new ReadArea()
    const readInto = (room: Buffer) => readNow(this.#socket, room)
    const callback = (length: number, room: Uint8Array): boolean => {
      area.took(length)
      this.#reader.push(room.subarray(0, length) as Buffer, this.#order, readInto)
      return true
    }
    // Documented at net.connect(), which gives it to this constructor.
    const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer: () => area.room(), callback } }
    this.#socket = new Socket({ ...options, fd, readable: true, writable: true })
  }

  /** Orders are believed: they come from the parent. An end of the channel is the parent's end, and so this child's. */
  listen(listener: ChannelListener): void {
    this.#order = (frame) => listener.order(readToChild(frame, this.#generation))
    this.#socket.on('error', dieWithGroup)
    this.#socket.on('close', dieWithGroup)
  }

  send(report: ToParent): void {
    if (this.#held.size > 0 && 'job' in report) this.#release(report.job)
    const isLent = this.#add(report)
    if (isLent) this.#flush({ isLent })
    else this.#flushSoon()
  }

  /** It may end in time for the ring that tells its result. */
  begun(): void {
    if (this.#isBegun || this.#outbox === null) return
    this.#isBegun = true
    setImmediate(() => {
      if (!this.#isBegun) return
      this.#isNews = true
      this.#flush()
    })
  }

  secure(): void {
    if (!this.#out.isEmpty) this.#flush()
  }

  sendLatest(report: Progress): void {
    if (this.#socket.writableLength > 0) {
      this.#held.set(report.job, { ...report, payload: keepPayload(report.payload) })
      return
    }
    // The outbox holds nothing up: it would fill with what is old by the time the parent comes.
    const isBehind = (this.#outbox?.untakenBytes ?? 0) > MOST_UNTAKEN_BYTES
    const isLent = isBehind ? this.#addToSocket(frameToParent(report, this.#generation)) : this.#add(report)
    this.#flush({ isLent })
  }

  flush(): void {
    this.#flush()
  }

  /** The kernel has the report at once, unless the parent is behind with its reading. */
  sendNow(report: ToParent, sent: () => void): void {
    const isLent = this.#add(report)
    this.#flush({ sent, isLent })
  }

  /** Writes what was sent in this tick past the event loop, because the process ends; waits a little for room. */
  lastWords(report?: ToParent): void {
    if (report !== undefined) this.#add(report)
    // If a write is still on its way, what is written now would land in the middle of it.
    if (this.#socket.writableLength > 0 || this.#ended) return
    const giveUpAtMs = performance.now() + LAST_WORDS_MS
    let left = this.#out.take()
    try {
      while (left.length > 0 && performance.now() < giveUpAtMs) {
        left = writeParts(this.#fd, left)
        if (left.length > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
      }
    } catch {
      // Nobody listens: the exit code will have to do.
    }
  }

  leave(exitCode?: number): void {
    this.#flush()
    this.#ended = true
    this.#socket.removeAllListeners('close')
    this.#socket.end(() => process.exit(exitCode))
  }

  /** Closes it, which is the end of nobody: there was no child behind it. */
  dismiss(): Promise<void> {
    this.#ended = true
    this.#socket.removeAllListeners('close')
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve()).destroy()
    })
  }

  #flushSoon(): void {
    if (this.#isLeaving) return
    this.#isLeaving = true
    process.nextTick(() => {
      this.#isLeaving = false
      this.#flush()
    })
  }

  /** True if its bytes are still lent. */
  #add(report: ToParent): boolean {
    const frame = frameToParent(report, this.#generation)
    if (this.#outbox?.put(frame, this.#overSocket)) {
      this.#isNews = true
      return false
    }
    return this.#addToSocket(frame)
  }

  #addToSocket(frame: Frame): boolean {
    // Before it: what is lent comes last.
    if (this.#isNews) this.#ring()
    this.#overSocket++
    const isCopied = this.#out.add(frame)
    return !isCopied && frame.payload.isLent === true
  }

  #flush({ sent, isLent = false }: { readonly sent?: () => void; readonly isLent?: boolean } = {}): void {
    if (this.#ended) return
    if (this.#isNews) this.#ring()
    if (this.#out.isEmpty) return sent?.()
    const parts = this.#out.take()
    const isFree = this.#socket.writableLength === 0
    const rest = isFree ? this.#write(parts) : parts
    const unsent = rest.pop()
    // What was lent came last.
    const last = unsent !== undefined && isLent ? this.#copy(unsent, isFree) : unsent
    if (last === undefined) {
      this.#out.reuse()
      return sent?.()
    }
    for (const part of rest) this.#socket.write(part)
    this.#socket.write(last, () => {
      sent?.()
      if (this.#held.size === 0 || this.#socket.writableLength > 0) return
      process.nextTick(() => this.#flush())
      for (const job of this.#held.keys()) this.#release(job)
    })
  }

  #ring(): void {
    this.#isNews = false
    this.#isBegun = false
    if (this.#outbox?.mustRing()) this.#out.add(frameToParent(RUNG, this.#generation))
  }

  /** New memory costs several times the copy, so it is used again whenever the stream is done with it. */
  #copy(bytes: Buffer, isSpareFree: boolean): Buffer {
    if (!isSpareFree || bytes.length > MAX_SPARE_BYTES) return Buffer.from(bytes)
    if (this.#spare.length < bytes.length) this.#spare = Buffer.allocUnsafeSlow(bytes.length)
    const copy = this.#spare.subarray(0, bytes.length)
    copy.set(bytes)
    return copy
  }

  /** What follows is news of the job's end, or newer than what was held back. */
  #release(job: number): void {
    const held = this.#held.get(job)
    if (held === undefined) return
    this.#held.delete(job)
    this.#add(held)
  }

  #write(parts: Buffer[]): Buffer[] {
    try {
      return writeParts(this.#fd, parts)
    } catch (error) {
      // A job has closed what was not its own. The parent sees it, and has a word for it.
      if ((error as NodeJS.ErrnoException).code === 'EBADF') return []
      return dieWithGroup()
    }
  }
}

const RUNG: ToParent = { type: 'rung' }
const CHANNEL_FD = 3
const LAST_WORDS_MS = 500
/** Beyond it what only the latest of is of use takes the way on which it can be held back. */
const MOST_UNTAKEN_BYTES = 64 * 1024
const MAX_SPARE_BYTES = 16 * 1024 * 1024

/** The parent is gone: nobody wants the results of this process or of those it started. */
export function dieWithGroup(): never {
  process.kill(-process.pid, 'SIGKILL')
  throw new Error('unreachable: SIGKILL')
}
