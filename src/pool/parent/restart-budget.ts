/** How many deaths a pool makes up for at once before it takes its time: the breaker against restart storms. */

export class RestartBudget {
  readonly #most: number
  readonly #perMs: number
  #left: number
  #refilledAtMs = 0
  #overdrawn = 0

  /** `most` deaths at once; each of the `children` earns one more per second. */
  constructor(most: number, children: number) {
    this.#most = most
    this.#left = most
    this.#perMs = children / 1_000
  }

  /** Restarts in a row that had to wait; 0 while the breaker is closed. */
  get overdrawn(): number {
    return this.#overdrawn
  }

  /** True if the next restart may follow at once. */
  take(nowMs: number): boolean {
    this.#left = Math.min(this.#most, this.#left + (nowMs - this.#refilledAtMs) * this.#perMs)
    this.#refilledAtMs = nowMs
    if (this.#left >= 1) {
      this.#left--
      this.#overdrawn = 0
      return true
    }
    this.#overdrawn++
    return false
  }

  /** A job has ended as jobs do: the children are able to work. */
  refill(): void {
    this.#left = this.#most
    this.#overdrawn = 0
  }
}
