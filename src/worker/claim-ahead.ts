/**
 * How far the worker claims beyond what its children can run at once. Claiming ahead keeps children busy while the
 * store commits, but what is claimed waits here while another worker may be idle. So it is done only for tasks that
 * have proved short: after 100 runs, as much as the children do in 20 ms by the 99th percentile, and nothing again
 * once something claimed ahead has had to be given back.
 */
export class ClaimAhead {
  readonly #children: number
  #durations: number[] = []
  #next = 0
  #ahead = 0

  constructor(children: number) {
    this.#children = children
  }

  /** Messages that may be claimed beyond the children's credits. */
  get ahead(): number {
    return this.#ahead
  }

  ran(durationMs: number): void {
    if (this.#durations.length < SAMPLES) this.#durations.push(durationMs)
    else this.#durations[this.#next] = durationMs
    this.#next = (this.#next + 1) % SAMPLES
    if (this.#next === 0) this.#measure()
  }

  /** What was claimed ahead had to wait: start to learn anew. */
  overran(): void {
    this.#durations = []
    this.#next = 0
    this.#ahead = 0
  }

  #measure(): void {
    const sorted = [...this.#durations].sort((a, b) => a - b)
    const slowMs = sorted[Math.floor(sorted.length * 0.99)] as number
    this.#ahead =
      slowMs > WORK_MS ? 0 : Math.min(MAX_AHEAD, Math.floor((WORK_MS / Math.max(slowMs, 0.05)) * this.#children))
  }
}

const SAMPLES = 128
const WORK_MS = 20
const MAX_AHEAD = 512
