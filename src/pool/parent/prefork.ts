/** Children that are processes, started by spawn and watched by a sentry. */
import type { ChildEnd, ChildHandle, ChildListener, Executor } from './child-handle.ts'
import { PoolChildProcess } from './child-process.ts'
import { Sentry } from './sentry.ts'
import { type SpawnOptions, spawnChild } from './spawn.ts'

export interface PreforkOptions extends SpawnOptions {
  /** Most bytes of one report. */
  readonly maxPayloadBytes: number
}

export class PreforkExecutor implements Executor {
  readonly sharesMemory = false
  readonly #options: PreforkOptions
  readonly #sentry = new Sentry()
  #isWatched = false

  constructor(options: PreforkOptions) {
    this.#options = options
  }

  startChild(generation: number, listener: ChildListener): ChildHandle {
    // Not before: a pool that is refused as it is made would leave its sentry behind.
    if (!this.#isWatched) this.#sentry.start()
    this.#isWatched = true
    const { maxPayloadBytes } = this.#options
    const launch = () => spawnChild(generation, this.#options)
    const child = new PoolChildProcess({ generation, maxPayloadBytes, launch }, listener)
    if (child.pid !== null) this.#sentry.watch(child.pid)
    return child
  }

  childGone({ pid }: ChildEnd): void {
    if (pid !== null) this.#sentry.unwatch(pid)
  }

  end(): void {
    this.#sentry.end()
  }
}
