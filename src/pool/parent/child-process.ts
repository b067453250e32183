/**
 * One child as an operating-system process: spoken to over fd 3, watched until nothing more can
 * come from it. Its end is reported once, and only when the process has ended *and* all it wrote has been read, or
 * a short deadline has passed (a process it started may hold its pipes open).
 */
import type { Socket } from 'node:net'
import type { MemoryOfChild } from '../protocol/child-memory.ts'
import { type Frame, FrameError, FrameReader, FrameWriter } from '../protocol/frame.ts'
import { frameToChild, readToParent, type ToChild } from '../protocol/messages.ts'
import { readNow } from '../protocol/read.ts'
import type { Tickets } from '../protocol/tickets.ts'
import { writeParts } from '../protocol/write.ts'
import type { ChildHandle, ChildListener } from './child-handle.ts'
import { forward } from './forward.ts'
import { lookAgainForSetpriv } from './setpriv.ts'
import { StderrTail } from './stderr-tail.ts'

export interface ChildProcessOptions {
  readonly generation: number
  readonly maxPayloadBytes: number
  /** Starts the process; what it throws is told as why the child could not be started. */
  readonly launch: () => StartedProcess
}

/** A process as its starter has it: what is needed of Node's ChildProcess, for those that are started otherwise too. */
export interface StartedProcess {
  /** Absent for one that Node has spawned. */
  readonly startMethod?: 'spawn' | 'fork'
  /** Time of a CPU that it has used, once it has ended. */
  readonly cpuMs?: number | null
  /** Undefined until there is one; then `exit` follows, and otherwise `error`. */
  readonly pid?: number | undefined
  /** What it shares; absent where that is none. */
  readonly memory?: MemoryOfChild | null
  /** Of its stdin, stdout, stderr and channel the ends that are here. */
  readonly stdio: readonly unknown[]
  unref(): void
  on(event: 'error', listener: (error: Error) => void): unknown
  once(event: 'exit', listener: (code: number | null, signal: NodeJS.Signals | null) => void): unknown
  /** It was ordered to end at once, by its pid if it has one. */
  killOrdered?(): void
}

export class PoolChildProcess implements ChildHandle {
  readonly startedAtMs = performance.now()
  readonly #generation: number
  readonly #process: StartedProcess | null
  readonly #channel: Socket | null
  readonly #listener: ChildListener
  readonly #out = new FrameWriter()
  readonly #reports: FrameReader
  readonly #take = (frame: Frame): void => this.#listener.message(readToParent(frame, this.#generation))
  /** Of what came over the channel, how many frames were reports. */
  #heard = 0
  #isTrusted = true
  readonly #stderr = new StderrTail()
  #exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null = null
  #spawnError: Error | null = null
  #openStreams = 0
  #drainTimer: NodeJS.Timeout | null = null
  #reported = false

  constructor(options: ChildProcessOptions, listener: ChildListener) {
    this.#generation = options.generation
    this.#listener = listener
    this.#process = this.#launch(options)
    // Without file descriptors left there is no process, nor any stream.
    const [, stdout, stderr, channel] = (this.#process?.stdio ?? []) as (Socket | undefined)[]
    this.#channel = channel ?? null
    this.#process?.unref()
    this.#process?.on('error', (error) => this.#spawnFailed(error))
    this.#process?.once('exit', (code, signal) => this.#exited(code, signal))
    if (stdout !== undefined) this.#watch(stdout, process.stdout)
    if (stderr !== undefined)
      this.#watch(stderr, process.stderr).on('data', (chunk: Buffer) => this.#stderr.push(chunk))
    this.#reports = new FrameReader(options.maxPayloadBytes)
    if (channel !== undefined) this.#listen(channel, new FrameReader(options.maxPayloadBytes))
  }

  get unreadBytes(): number {
    return this.#channel?.writableLength ?? 0
  }

  get tickets(): Tickets | null {
    return this.#process?.memory?.tickets ?? null
  }

  get startMethod(): 'spawn' | 'fork' {
    return this.#process?.startMethod ?? 'spawn'
  }

  get pid(): number | null {
    return this.#process?.pid ?? null
  }

  /** Sends with everything else of this tick in one write. */
  send(message: ToChild): void {
    if (this.#out.isEmpty) process.nextTick(() => this.flush())
    this.#out.add(frameToChild(message, this.#generation))
    // The child can begin with it while the next ones are written.
    if ('payload' in message && message.payload.bytes.length > LARGE_BYTES) this.flush()
  }

  interrupt(): void {
    if (this.pid === null || this.#exit !== null) return
    try {
      process.kill(this.pid, 'SIGINT')
    } catch {
      // ESRCH: it has ended by itself.
    }
  }

  /** The child and every process of its group, at once. */
  kill(): void {
    if (this.#exit !== null) return
    if (this.pid !== null) killGroup(this.pid)
    this.#process?.killOrdered?.()
  }

  look(): void {
    this.#hear(() => {})
  }

  flush(): void {
    // Nothing written is no reason to use the memory again that the stream still writes from.
    if (this.#out.isEmpty) return
    const parts = this.#out.take()
    const channel = this.#channel
    if (!channel?.writable) return
    const rest = writeNow(channel, parts)
    if (rest.length === 0) return this.#out.reuse()
    for (const part of rest) channel.write(part)
  }

  #listen(channel: Socket, reader: FrameReader): void {
    const take = (frame: Frame): void => {
      const message = readToParent(frame, this.#generation)
      if (message.type !== 'rung') this.#heard++
      this.#listener.message(message)
    }
    const readInto = (room: Buffer) => readNow(channel, room)
    this.#watch(channel, null).on('data', (chunk: Buffer) => {
      const { outbox } = this.#process?.memory ?? {}
      this.#hear(() => {
        reader.push(chunk, take, readInto)
        outbox?.heard(this.#heard)
      })
    })
    // The channel of a process that ends is closed first; one that stays behind it hears no orders.
    const lost = (): void => {
      if (this.#exit !== null || this.#drainTimer !== null) return
      this.#drainTimer = setTimeout(() => this.#distrust(new FrameError('It closed its channel')), DRAIN_MS).unref()
    }
    // Closed with orders unread it ends in an error, and not in 'end'.
    channel.once('end', lost).once('close', lost)
  }

  /** First what lies in the outbox: `others` follow it. */
  #hear(others: () => void): void {
    if (!this.#isTrusted) return
    const outbox = this.#process?.memory?.outbox
    try {
      outbox?.take((piece, readInto, there) => this.#reports.push(piece, this.#take, readInto, there))
      others()
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      return this.#distrust(error)
    }
    // The child does not ring again as long as it is being looked for.
    if (outbox?.isEmpty === false) setImmediate(() => this.look())
  }

  #distrust(error: FrameError): void {
    this.#isTrusted = false
    this.#channel?.removeAllListeners('data').resume()
    this.#listener.badFrame(error)
  }

  /** Counts a stream as open until it is closed; passes on what comes from it. */
  #watch(stream: Socket, to: NodeJS.WriteStream | null): Socket {
    this.#openStreams++
    stream.unref()
    // EPIPE and ECONNRESET say less than the exit that follows them.
    stream.on('error', () => {})
    stream.once('close', () => {
      this.#openStreams--
      this.#reportIfDone()
    })
    if (to !== null) forward(stream, to)
    return stream
  }

  #launch({ launch }: ChildProcessOptions): StartedProcess | null {
    try {
      return launch()
    } catch (error) {
      // Some reasons (no memory, too large an environment) are thrown, others arrive as an event: both end alike.
      process.nextTick(() => this.#spawnFailed(error as Error))
      return null
    }
  }

  #spawnFailed(error: NodeJS.ErrnoException): void {
    if (this.pid !== null) return
    if (error.code === 'ENOENT' || error.code === 'EACCES') lookAgainForSetpriv()
    this.#spawnError = error
    this.#exit = { code: null, signal: null }
    this.#report()
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#exit = { code, signal }
    // What the child started may live on in its group, holding pipes and memory: it goes with the child.
    if (this.pid !== null) killGroup(this.pid)
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer)
    // After a stall of this process the timer runs before what is still in the pipes was read: hence one turn more.
    this.#drainTimer = setTimeout(() => setImmediate(() => this.#report()), DRAIN_MS).unref()
    this.#reportIfDone()
  }

  #reportIfDone(): void {
    if (this.#exit !== null && this.#openStreams === 0) this.#report()
  }

  #report(): void {
    if (this.#reported) return
    this.#reported = true
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer)
    this.look()
    for (const stream of (this.#process?.stdio ?? []) as (Socket | null | undefined)[]) stream?.destroy()
    this.#listener.ended({
      pid: this.pid,
      exitCode: this.#exit?.code ?? null,
      signal: this.#exit?.signal ?? null,
      spawnError: this.#spawnError,
      stderrTail: this.#stderr.toString(),
      heapLimit: this.#stderr.heapLimit,
      cpuMs: this.#process?.cpuMs ?? null,
    })
  }
}

const LARGE_BYTES = 64 * 1024
const DRAIN_MS = 1_000

/** Gives what is left to the stream: all of it where Node does not show the descriptor, or while a write is on its way. */
function writeNow(channel: Socket, parts: Buffer[]): Buffer[] {
  const { _handle: handle } = channel as { _handle?: { readonly fd?: number } | null }
  if (handle?.fd === undefined || handle.fd < 0 || channel.writableLength > 0) return parts
  try {
    return writeParts(handle.fd, parts)
  } catch {
    // The child is gone, and its exit follows. The stream is not to meet this error: it would close, with what the child
    // said last still unread, and a job that has begun would begin again elsewhere.
    return []
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: the whole group is gone already.
  }
}
