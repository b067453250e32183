/** Children that are forked from one process in which everything they share is loaded. */
import type { ChildEnd, ChildHandle, ChildListener, Executor } from '../parent/child-handle.ts'
import { PoolChildProcess } from '../parent/child-process.ts'
import { Sentry } from '../parent/sentry.ts'
import { ForkQueue, type ForkQueueOptions } from './fork-queue.ts'

export interface ForkOptions extends ForkQueueOptions {
  /** Most bytes of one report. */
  readonly maxPayloadBytes: number
  /** Tells why children cannot be forked here, or `null`; they wait for it. Without it they are forked. */
  readonly trial: (() => Promise<string | null>) | null
}

export class ForkExecutor implements Executor {
  readonly sharesMemory = false
  readonly #options: ForkOptions
  readonly #sentry = new Sentry()
  readonly #forks: ForkQueue
  #isWatched = false

  constructor(options: ForkOptions) {
    this.#options = options
    this.#forks = new ForkQueue(options, this.#sentry)
  }

  startChild(generation: number, listener: ChildListener): ChildHandle {
    // Not before: a pool that is refused as it is made would leave its sentry behind.
    const { maxPayloadBytes, trial } = this.#options
    if (!this.#isWatched) {
      this.#sentry.start()
      if (trial !== null) this.#forks.waitFor(trial())
    }
    this.#isWatched = true
    const launch = () => this.#forks.start(generation)
    return new PoolChildProcess({ generation, maxPayloadBytes, launch }, listener)
  }

  childGone({ pid }: ChildEnd): void {
    if (pid !== null) this.#sentry.unwatch(pid)
  }

  end(): void {
    this.#forks.end()
    this.#sentry.end()
  }
}
