/** The clocks of running jobs. They live in the parent, where nothing a job does can stop them. */
import { deadline } from './deadline.ts'

export interface LimitedJob {
  /** 0 for none. */
  readonly softTimeLimitMs: number
  /** 0 for none. */
  readonly timeLimitMs: number
}

export class TimeLimits<J extends LimitedJob> {
  readonly #clocks = new Map<J, readonly NodeJS.Timeout[]>()
  readonly #softPassed: (job: J) => void
  readonly #hardPassed: (job: J) => void

  constructor(softPassed: (job: J) => void, hardPassed: (job: J) => void) {
    this.#softPassed = softPassed
    this.#hardPassed = hardPassed
  }

  /** To be called when the job begins. */
  arm(job: J): void {
    const { softTimeLimitMs, timeLimitMs } = job
    if (softTimeLimitMs === 0 && timeLimitMs === 0) return
    const clocks: NodeJS.Timeout[] = []
    if (softTimeLimitMs > 0) clocks.push(deadline(() => this.#pass(job, clocks, this.#softPassed), softTimeLimitMs))
    if (timeLimitMs > 0) clocks.push(deadline(() => this.#pass(job, clocks, this.#hardPassed), timeLimitMs))
    this.#clocks.set(job, clocks)
  }

  disarm(job: J): void {
    const clocks = this.#clocks.get(job)
    if (clocks === undefined) return
    this.#clocks.delete(job)
    for (const clock of clocks) clearTimeout(clock)
  }

  // A clock that has rung and waits for its turn cannot be cleared any more.
  #pass(job: J, clocks: readonly NodeJS.Timeout[], passed: (job: J) => void): void {
    if (this.#clocks.get(job) === clocks) passed(job)
  }
}
