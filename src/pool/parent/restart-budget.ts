/** How many deaths a pool makes up for at once before it takes its time: the breaker against restart storms. */

export class RestartBudget {
  readonly #mostPerChild: number
  #children: number
  #left: number
  #refilledAtMs = 0
  #overdrawn = 0

  /** `mostPerChild` deaths of each child at once; each earns one more per second. */
  constructor(mostPerChild: number, children: number) {
    this.#mostPerChild = mostPerChild
    this.#children = children
    this.#left = this.#most
  }

  /** From now on for that many. What more of them may spend, they have; what fewer may not, is gone. */
  share(children: number): void {
    const more = Math.max(0, children - this.#children)
    this.#children = children
    this.#left = Math.min(this.#most, this.#left + more * this.#mostPerChild)
  }

  get #most(): number {
    return this.#mostPerChild * this.#children
  }

  /** Restarts in a row that had to wait; 0 while the breaker is closed. */
  get overdrawn(): number {
    return this.#overdrawn
  }

  /** True if the next restart may follow at once. */
  take(nowMs: number): boolean {
    this.#left = Math.min(this.#most, this.#left + ((nowMs - this.#refilledAtMs) * this.#children) / 1_000)
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
