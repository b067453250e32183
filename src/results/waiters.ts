import { isReady, type ResultMeta } from './meta.ts'

interface Waiter {
  resolve(meta: ResultMeta): void
  reject(reason: unknown): void
}

/** Those who wait for results, by task. While there is one, the process stays alive: somebody awaits it. */
export class ResultWaiters {
  readonly #waiters = new Map<string, Set<Waiter>>()
  #alive: NodeJS.Timeout | null = null

  get size(): number {
    return this.#waiters.size
  }

  has(taskId: string): boolean {
    return this.#waiters.has(taskId)
  }

  /** Rejects with `signal.reason` when aborted. */
  add(taskId: string, signal: AbortSignal): Promise<ResultMeta> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener('abort', abort)
        this.#remove(taskId, waiter)
      }
      const abort = () => waiter.reject(signal.reason)
      const waiter: Waiter = {
        resolve: (meta) => {
          leave()
          resolve(meta)
        },
        reject: (reason) => {
          leave()
          reject(reason)
        },
      }
      signal.addEventListener('abort', abort)
      this.#insert(taskId, waiter)
    })
  }

  /** Hands `meta` to those who wait for it, once its task has ended. */
  deliver(meta: ResultMeta): void {
    if (!isReady(meta.status)) return
    for (const waiter of this.#waiters.get(meta.taskId) ?? []) waiter.resolve(meta)
  }

  rejectAll(reason: unknown): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(reason)
  }

  #insert(taskId: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(taskId)
    if (waiters === undefined) this.#waiters.set(taskId, new Set([waiter]))
    else waiters.add(waiter)
    this.#alive ??= setInterval(() => {}, KEEP_ALIVE_MS)
  }

  #remove(taskId: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(taskId)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#waiters.delete(taskId)
    if (this.#waiters.size > 0 || this.#alive === null) return
    clearInterval(this.#alive)
    this.#alive = null
  }
}

const KEEP_ALIVE_MS = 60_000
