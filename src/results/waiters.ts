import type { WaitSignal } from './backend.ts'
import { isReady, type ResultMeta } from './meta.ts'

interface Waiter {
  readonly resolve: (meta: ResultMeta) => void
  readonly reject: (reason: unknown) => void
  readonly signal: WaitSignal
  readonly abort: () => void
}

/** Those who wait for results, by task. While there is one, the process stays alive: somebody awaits it. */
export class ResultWaiters {
  readonly #waiters = new Map<string, Waiter[]>()
  readonly #left: (taskId: string) => void
  #alive: NodeJS.Timeout | null = null

  /** @param left is called when nobody waits for a task any more. */
  constructor(left: (taskId: string) => void = () => {}) {
    this.#left = left
  }

  get size(): number {
    return this.#waiters.size
  }

  has(taskId: string): boolean {
    return this.#waiters.has(taskId)
  }

  /** Rejects with `signal.reason` when aborted. */
  add(taskId: string, signal: WaitSignal): Promise<ResultMeta> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, signal, abort: () => this.#abort(taskId, waiter) }
      signal.addEventListener('abort', waiter.abort)
      const waiters = this.#waiters.get(taskId)
      if (waiters === undefined) this.#waiters.set(taskId, [waiter])
      else waiters.push(waiter)
      this.#alive ??= setInterval(() => {}, KEEP_ALIVE_MS)
    })
  }

  /** Hands `meta` to those who wait for it, once its task has ended. */
  deliver(meta: ResultMeta): void {
    if (isReady(meta.status)) for (const waiter of this.#take(meta.taskId)) waiter.resolve(meta)
  }

  rejectAll(reason: unknown): void {
    for (const taskId of [...this.#waiters.keys()]) for (const waiter of this.#take(taskId)) waiter.reject(reason)
  }

  #take(taskId: string): readonly Waiter[] {
    const waiters = this.#waiters.get(taskId) ?? []
    for (const { signal, abort } of waiters) signal.removeEventListener('abort', abort)
    if (waiters.length > 0) this.#leave(taskId)
    return waiters
  }

  #abort(taskId: string, waiter: Waiter): void {
    waiter.signal.removeEventListener('abort', waiter.abort)
    const others = (this.#waiters.get(taskId) ?? []).filter((other) => other !== waiter)
    if (others.length > 0) this.#waiters.set(taskId, others)
    else this.#leave(taskId)
    waiter.reject(waiter.signal.reason)
  }

  #leave(taskId: string): void {
    this.#waiters.delete(taskId)
    if (this.#waiters.size === 0 && this.#alive !== null) {
      clearInterval(this.#alive)
      this.#alive = null
    }
    this.#left(taskId)
  }
}

const KEEP_ALIVE_MS = 60_000
