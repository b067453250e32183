/** Values that are forgotten when their time is over. */

interface Kept<T> {
  readonly value: T
  /** Epoch milliseconds. */
  readonly untilMs: number
}

export class ExpiringMap<T> {
  readonly #kept = new Map<string, Kept<T>>()
  #sweptAtMs = Date.now()

  /** @param expiresMs 0 keeps it until it is deleted. */
  set(key: string, value: T, expiresMs: number): void {
    const nowMs = Date.now()
    if (nowMs - this.#sweptAtMs > SWEEP_MS) this.#sweep(nowMs)
    this.#kept.set(key, { value, untilMs: expiresMs === 0 ? Infinity : nowMs + expiresMs })
  }

  get(key: string): T | undefined {
    const kept = this.#kept.get(key)
    return kept === undefined || kept.untilMs <= Date.now() ? undefined : kept.value
  }

  delete(key: string): void {
    this.#kept.delete(key)
  }

  /** Looks at all of them, now and then: what nobody asks for goes as well. */
  #sweep(nowMs: number): void {
    this.#sweptAtMs = nowMs
    for (const [key, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(key)
  }
}

const SWEEP_MS = 60_000
