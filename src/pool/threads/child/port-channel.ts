/** The channel of a child that is a thread. What is posted is with the parent, whatever becomes of this thread. */
import type { MessagePort } from 'node:worker_threads'
import type { Channel, ChannelListener, Progress } from '../../child/channel.ts'
import { frameToParent, readToChild, type ToParent } from '../../protocol/messages.ts'
import { fromPost, type Post, type ThreadChannel, toPost } from '../../protocol/post.ts'

export class PortChannel implements Channel {
  readonly sharesMemory = true
  readonly #port: MessagePort
  readonly #progressHeard: Int32Array
  readonly #generation: number
  #progressTold = 0
  /** Progress for which there was no room, by job. */
  readonly #held = new Map<number, Progress>()
  #retry: NodeJS.Timeout | null = null

  constructor({ port, progressHeard }: ThreadChannel, generation: number) {
    this.#port = port
    this.#progressHeard = progressHeard
    this.#generation = generation
  }

  listen(listener: ChannelListener): void {
    this.#port.on('message', (post: Post) => {
      listener.order(readToChild(fromPost(post, this.#generation), this.#generation))
    })
  }

  send(report: ToParent): void {
    // What follows is news of the job's end.
    const held = this.#held.size > 0 && 'job' in report ? this.#held.get(report.job) : undefined
    if (held !== undefined) this.#tell(held)
    this.#post(report)
  }

  /** A port has no end of room: so the parent counts what it has heard. */
  sendLatest(report: Progress): void {
    if (this.#hasRoom()) return this.#tell(report)
    this.#held.set(report.job, report)
    this.#retry ??= setTimeout(() => this.#tellHeld(), RETRY_MS)
  }

  sendNow(report: ToParent, sent: () => void): void {
    this.#post(report)
    sent()
  }

  leave(exitCode?: number): void {
    process.exit(exitCode)
  }

  #hasRoom(): boolean {
    return this.#progressTold - Atomics.load(this.#progressHeard, 0) < MAX_UNHEARD
  }

  #tell(report: Progress): void {
    this.#held.delete(report.job)
    this.#progressTold++
    this.#post(report)
  }

  #tellHeld(): void {
    this.#retry = null
    for (const report of this.#held.values()) this.sendLatest(report)
  }

  #post(report: ToParent): void {
    const post = toPost(frameToParent(report, this.#generation))
    const bytes = post[4]
    // Nobody here looks at them again: large ones change hands instead of being copied.
    const isLarge = bytes !== undefined && bytes.byteLength > COPY_BELOW_BYTES
    this.#port.postMessage(post, isLarge ? [bytes.buffer as ArrayBuffer] : [])
  }
}

const COPY_BELOW_BYTES = 16 * 1024
const MAX_UNHEARD = 16
const RETRY_MS = 5
