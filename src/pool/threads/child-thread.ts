/**
 * One child as a thread of this process: started as a Worker, spoken to over a port of its own, watched until nothing
 * more can come from it. Its end is reported once.
 */
import type { Readable } from 'node:stream'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { toFailure } from '../../support/failure.ts'
import type { ChildEnd, ChildHandle, ChildListener } from '../parent/child-handle.ts'
import { deadline } from '../parent/deadline.ts'
import { FrameError } from '../protocol/frame.ts'
import { frameToChild, readToParent, type ToChild } from '../protocol/messages.ts'
import { encodePayload } from '../protocol/payload.ts'
import { fromPost, type Post, type ThreadChannel, toPost } from '../protocol/post.ts'

export interface ChildThreadOptions {
  readonly generation: number
  /** `null` for this process's own. */
  readonly execArgv: readonly string[] | null
  readonly env: NodeJS.ProcessEnv
  /** Threads that were not to be ended and have not ended since: a thread adds itself while that is so. */
  readonly givenUp: Set<ChildThread>
  /** With that many of them no further thread is started: each holds its memory, and a core if it computes. */
  readonly maxGivenUp: number
}

export class ChildThread implements ChildHandle {
  readonly pid = null
  readonly startMethod = 'thread'
  readonly startedAtMs = performance.now()
  readonly #generation: number
  readonly #listener: ChildListener
  readonly #givenUp: Set<ChildThread>
  readonly #port: MessagePort
  readonly #progressHeard = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker | null
  #tail = ''
  #isDistrusted = false
  #uncaught: { readonly error: unknown } | null = null
  #spawnError: Error | null = null
  #exitCode: number | null = null
  #openStreams = 0
  #timer: NodeJS.Timeout | null = null
  #isOver = false

  constructor(options: ChildThreadOptions, listener: ChildListener) {
    this.#generation = options.generation
    this.#listener = listener
    this.#givenUp = options.givenUp
    const { port1, port2 } = new MessageChannel()
    this.#port = port1.on('message', (post: Post) => this.#hear(post))
    port1.unref()
    this.#worker = this.#launch(options, port2)
    if (this.#worker === null) return
    this.#worker.unref()
    this.#worker.on('error', (error) => {
      this.#uncaught = { error }
    })
    this.#worker.once('exit', (code) => this.#exited(code))
    this.#watch(this.#worker.stdout)
    this.#watch(this.#worker.stderr).on('data', (chunk: Buffer) => {
      this.#tail = (this.#tail + chunk.toString('utf8')).slice(-TAIL_CHARS)
    })
  }

  send(message: ToChild): void {
    this.#port.postMessage(toPost(frameToChild(message, this.#generation)))
  }

  /** Only JavaScript can be ended, if V8 looks up: a thread inside a call of native code ends when that returns. */
  kill(): void {
    if (this.#worker === null || this.#isOver || this.#exitCode !== null) return
    void this.#worker.terminate()
    this.#timer ??= deadline(() => this.#giveUp(), KILL_MS)
  }

  #launch({ generation, execArgv, env, givenUp, maxGivenUp }: ChildThreadOptions, port: MessagePort): Worker | null {
    try {
      if (givenUp.size >= maxGivenUp) throw new RangeError(`${givenUp.size} threads of this pool ${ARE_STUCK}`)
      return new Worker(ENTRY, {
        eval: true,
        workerData: { channel: { port, progressHeard: this.#progressHeard } satisfies ThreadChannel, generation },
        transferList: [port],
        env,
        ...(execArgv !== null && { execArgv: [...execArgv] }),
      })
    } catch (error) {
      // That, flags that a thread cannot have, or no memory for one.
      this.#spawnError = error as Error
      process.nextTick(() => this.#report())
      return null
    }
  }

  #hear(post: Post): void {
    if (this.#isOver || this.#isDistrusted) return
    try {
      const report = readToParent(fromPost(post, this.#generation), this.#generation)
      this.#listener.message(report)
      if (report.type === 'progressed') Atomics.add(this.#progressHeard, 0, 1)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#isDistrusted = true
      this.#listener.badFrame(error)
    }
  }

  /** Node passes on what comes; a stream that is read by nobody but us would keep the script alive. */
  #watch(stream: Readable): Readable {
    this.#openStreams++
    return stream.once('close', () => {
      this.#openStreams--
      this.#reportIfDone()
    })
  }

  #exited(code: number): void {
    this.#exitCode = code
    if (this.#isOver) return void this.#givenUp.delete(this)
    if (this.#timer !== null) clearTimeout(this.#timer)
    // Node promises no order of what was posted and the end of the thread.
    for (let left = receiveMessageOnPort(this.#port); left !== undefined; left = receiveMessageOnPort(this.#port)) {
      this.#hear(left.message as Post)
    }
    const failure = this.#uncaught
    if (failure !== null && !this.#isOutOfHeap) {
      this.#listener.message({ type: 'crashed', payload: encodePayload(toFailure(failure.error)) })
    }
    this.#timer = deadline(() => this.#report(), DRAIN_MS)
    this.#reportIfDone()
  }

  get #isOutOfHeap(): boolean {
    return (this.#uncaught?.error as { readonly code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
  }

  /** It ends when its call of native code returns, if ever. Its jobs do not wait for that. */
  #giveUp(): void {
    if (this.#exitCode !== null || this.#isOver) return
    this.#givenUp.add(this)
    // Its termination would keep the script alive.
    this.#worker?.unref()
    this.#report()
  }

  #reportIfDone(): void {
    if (this.#exitCode !== null && this.#openStreams === 0) this.#report()
  }

  #report(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#port.close()
    this.#listener.ended(this.#end())
  }

  #end(): ChildEnd {
    return {
      pid: null,
      exitCode: this.#exitCode,
      signal: null,
      spawnError: this.#spawnError,
      stderrTail: this.#tail,
      heapLimit: this.#isOutOfHeap,
      cpuMs: null,
    }
  }
}

// As text: a thread inherits `--input-type` from a script that was given as text, and would then refuse a file.
const ENTRY = `import(${JSON.stringify(new URL('./child/main.js', import.meta.url).href)})`
/** A thread that can be ended ends within milliseconds. */
const KILL_MS = 1_000
const DRAIN_MS = 1_000
const TAIL_CHARS = 4_096
const ARE_STUCK = 'were to be ended and are inside calls of native code that do not return: no other is started'
