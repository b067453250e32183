/** Children that are forked from one process in which everything they share is loaded. */
import type { Addon } from '../../native/addon.ts'
import type { ChildEnd, ChildHandle, ChildListener, Executor } from '../parent/child-handle.ts'
import { PoolChildProcess } from '../parent/child-process.ts'
import { Sentry } from '../parent/sentry.ts'
import { ForkQueue } from './fork-queue.ts'
import type { ServerOptions } from './server-process.ts'

export interface ForkOptions extends ServerOptions {
  readonly addon: Addon
  /** Most bytes of one report. */
  readonly maxPayloadBytes: number
  readonly startTimeoutMs: number
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
    if (!this.#isWatched) this.#sentry.start()
    this.#isWatched = true
    const { maxPayloadBytes } = this.#options
    const launch = () => this.#forks.start(generation)
    return new PoolChildProcess({ generation, maxPayloadBytes, startMethod: 'fork', tickets: null, launch }, listener)
  }

  childGone({ pid }: ChildEnd): void {
    if (pid !== null) this.#sentry.unwatch(pid)
  }

  end(): void {
    this.#forks.end()
    this.#sentry.end()
  }
}
