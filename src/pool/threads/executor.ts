/** Children that are threads of this process: shared memory, and no isolation. */
import type { ChildHandle, ChildListener, Executor } from '../parent/child-handle.ts'
import { ChildThread } from './child-thread.ts'

export interface ThreadsOptions {
  /** `null` for this process's own. */
  readonly execArgv: readonly string[] | null
  readonly env: NodeJS.ProcessEnv
  readonly processes: number
}

export class ThreadsExecutor implements Executor {
  readonly sharesMemory = true
  readonly #options: ThreadsOptions
  readonly #givenUp = new Set<ChildThread>()

  constructor(options: ThreadsOptions) {
    this.#options = options
  }

  startChild(generation: number, listener: ChildListener): ChildHandle {
    const { execArgv, env, processes } = this.#options
    const givenUp = this.#givenUp
    return new ChildThread({ generation, execArgv, env, givenUp, maxGivenUp: 2 * processes }, listener)
  }

  childGone(): void {}

  end(): void {}
}
