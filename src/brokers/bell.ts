/** Wakes those who wait for a store to change. Several may wait; each hears every ring that came after it listened. */

export interface ListenOptions {
  /** Whether waiting keeps the process alive: true where somebody awaits the outcome. */
  readonly holds: boolean
}

export class Bell {
  readonly #ears = new Set<Ear>()
  readonly #firstCame: () => void

  /** @param firstCame called when somebody listens after nobody did. */
  constructor(firstCame: () => void = () => {}) {
    this.#firstCame = firstCame
  }

  get listening(): boolean {
    return this.#ears.size > 0
  }

  /** Listen first, then look, then wait: what changes after the look is heard. */
  listen(options: ListenOptions): Ear {
    const ear = new Ear(options.holds, () => this.#ears.delete(ear))
    this.#ears.add(ear)
    if (this.#ears.size === 1) this.#firstCame()
    return ear
  }

  ring(): void {
    for (const ear of this.#ears) ear.ring()
  }
}

export interface HeardOptions {
  readonly signal: AbortSignal
  /** Epoch milliseconds at which to wake in any case; `null` where no time is known. */
  readonly atMs: number | null
}

export class Ear {
  readonly #holds: boolean
  readonly #forget: () => void
  #rang = false
  #wake: (() => void) | null = null

  constructor(holds: boolean, forget: () => void) {
    this.#holds = holds
    this.#forget = forget
  }

  ring(): void {
    this.#rang = true
    this.#wake?.()
  }

  /** Resolves at the next ring, at once if one came since the last call, at `atMs` or when aborted. */
  async heard({ signal, atMs }: HeardOptions): Promise<void> {
    if (!this.#rang && !signal.aborted) await this.#wait(signal, atMs)
    this.#rang = false
  }

  close(): void {
    this.#forget()
    this.#wake?.()
  }

  #wait(signal: AbortSignal, atMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const delayMs = atMs === null ? MAX_WAIT_MS : Math.min(MAX_WAIT_MS, Math.max(0, atMs - Date.now()))
      // Also the one thing that keeps the process alive meanwhile.
      const timer = setTimeout(wake, delayMs)
      if (!this.#holds) timer.unref()
      signal.addEventListener('abort', wake, { once: true })
      this.#wake = wake
      const over = () => {
        this.#wake = null
      }
      function wake(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        over()
        resolve()
      }
    })
  }
}

// A timer beyond 2^31 ms fires at once, and one that runs for long does not see the wall clock being set: the caller
// looks again after this time at the latest.
const MAX_WAIT_MS = 60_000
