/** Children that are processes, started by spawn and watched by a sentry. */
import { closeSync } from 'node:fs'
import type { ChildEnd, ChildHandle, ChildListener, Executor } from './child-handle.ts'
import { PoolChildProcess } from './child-process.ts'
import { Sentry } from './sentry.ts'
import { type SpawnOptions, spawnChild } from './spawn.ts'
import { makeTicketMemory } from './ticket-memory.ts'

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
    const memory = makeTicketMemory()
    const tickets = memory?.tickets ?? null
    const launch = () => spawnChild(generation, this.#options, memory?.fd)
    const child = new PoolChildProcess({ generation, maxPayloadBytes, startMethod: 'spawn', tickets, launch }, listener)
    if (memory !== null) closeSync(memory.fd)
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
