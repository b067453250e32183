/**
 * How far the worker claims beyond what its children can run at once. Claiming ahead keeps children busy while the
 * store commits, but what is claimed waits here while another worker may be idle. So it is done only for tasks that
 * have proved short: after 128 runs, as much as this worker gets done in 20 ms, by its pace over those runs and by
 * their 99th percentile, whichever says less. And nothing again once something claimed ahead had to be given back.
 */
export class ClaimAhead {
  readonly #children: number
  #durations: number[] = []
  #sinceMs = 0
  #ahead = 0

  constructor(children: number) {
    this.#children = children
  }

  /** Messages that may be claimed beyond the children's credits. */
  get ahead(): number {
    return this.#ahead
  }

  /** How many may be claimed by a worker that has `active` of them and can run `credits` at once. */
  room(active: number, credits: number): number {
    // With a window ahead it is refilled by halves, so that a claim is worth its commit.
    if (active >= credits + Math.floor(this.#ahead / 2)) return 0
    return credits + this.#ahead - active
  }

  /** A run that took `durationMs` has ended at `nowMs`. */
  ran(durationMs: number, nowMs: number): void {
    if (this.#durations.length === 0) this.#sinceMs = nowMs - durationMs
    this.#durations.push(durationMs)
    if (this.#durations.length < SAMPLES) return
    const sorted = this.#durations.sort((a, b) => a - b)
    const slowMs = sorted[Math.floor(SAMPLES * 0.99)] as number
    const paceMs = (nowMs - this.#sinceMs) / SAMPLES
    this.#ahead = Math.min(MAX_AHEAD, Math.floor(WORK_MS / Math.max(slowMs / this.#children, paceMs, 0.01)))
    this.#durations = []
  }

  /** What was claimed ahead had to wait: start to learn anew. */
  overran(): void {
    this.#durations = []
    this.#ahead = 0
  }
}

const SAMPLES = 128
const WORK_MS = 20
const MAX_AHEAD = 512
