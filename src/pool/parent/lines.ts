/**
 * Which child gets a job, and what each has in its line. Pure like the machine, whose part it is.
 *
 * A child runs `credits` jobs, all children together `size * credits`. Beyond that a job is put behind those that run
 * only where every job of the line, itself included, has proved short: a wake-up then carries many. A job that turns
 * out long keeps those behind it for as long as it does not let its child read the recall.
 */
import type { Staff } from './staff.ts'
import type { PoolChild, PoolJob } from './state.ts'

export class Lines {
  readonly #staff: Staff
  readonly #credits: number
  /** Jobs that run or are about to: those that no other job of their child has to end before. */
  #running = 0

  constructor(staff: Staff, credits: number) {
    this.#staff = staff
    this.#credits = credits
  }

  /** `null`: the job has to wait in the queue. */
  childFor(costMs: number): PoolChild | null {
    const free = this.#running < this.#staff.size * this.#credits ? this.#leastBusy() : null
    return free ?? (costMs < LINE_MS ? this.#shortestLine(costMs) : null)
  }

  add(child: PoolChild, job: PoolJob, costMs: number): void {
    job.state = 'dispatched'
    job.child = child
    job.costMs = costMs
    child.jobs.add(job)
    child.lineMs += costMs
    child.taken++
    if (child.jobs.size <= this.#credits) this.#running++
  }

  remove(child: PoolChild, job: PoolJob): void {
    if (child.jobs.size <= this.#credits) this.#running--
    child.jobs.delete(job)
    if (child.jobs.size === 0) child.lineMs = 0
    // Infinity cannot be subtracted again.
    else if (job.costMs === Number.POSITIVE_INFINITY) child.lineMs = sumOfCosts(child)
    else child.lineMs -= job.costMs
    if (child.cancelled.size > 0) child.cancelled.delete(job)
    if (child.condemned.size > 0) child.condemned.delete(job)
    if (child.recalled.size > 0) child.recalled.delete(job)
    job.child = null
  }

  #leastBusy(): PoolChild | null {
    let best: PoolChild | null = null
    let fewest = this.#credits
    for (const child of this.#staff.children) {
      if (child.jobs.size >= fewest || !this.#takesJobs(child)) continue
      best = child
      fewest = child.jobs.size
      if (fewest === 0) break
    }
    return best
  }

  /** All children are busy: the one that will be free first, if that is soon for sure. */
  #shortestLine(costMs: number): PoolChild | null {
    let best: PoolChild | null = null
    let shortestMs = LINE_MS - costMs
    for (const child of this.#staff.children) {
      if (child.lineMs > shortestMs || child.overrun || !this.#takesJobs(child)) continue
      if (child.jobs.size < this.#credits || child.jobs.size >= this.#credits + MAX_AHEAD) continue
      best = child
      shortestMs = child.lineMs
    }
    return best
  }

  #takesJobs(child: PoolChild): boolean {
    return child.state === 'ready' && child.killedFor === null && !this.#staff.isExhausted(child)
  }
}

function sumOfCosts(child: PoolChild): number {
  let sum = 0
  for (const { costMs } of child.jobs) sum += costMs
  return sum
}

/** How much work may be in a child's line, so that a job that turns out long keeps nobody waiting for long. */
const LINE_MS = 20
/** However short they are: what waits in a child must be held, recalled and returned one by one. */
const MAX_AHEAD = 256
