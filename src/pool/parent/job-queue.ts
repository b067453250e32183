/**
 * Jobs in the order they will start: the highest priority first, within one priority first in, first out, and what
 * comes back goes to the front.
 */
import type { PoolJob } from './state.ts'

export class JobQueue {
  /** The highest priority first; an empty lane stays, since its priority is likely to come again. */
  readonly #lanes: Lane[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  push(job: PoolJob): void {
    this.#lane(job.priority).push(job)
    this.#length++
  }

  putBack(job: PoolJob): void {
    this.#lane(job.priority).putBack(job)
    this.#length++
  }

  /** The job that `shift` would give. */
  peek(): PoolJob | undefined {
    for (const lane of this.#lanes) if (lane.length > 0) return lane.peek()
    return undefined
  }

  shift(): PoolJob | undefined {
    for (const lane of this.#lanes) {
      if (lane.length === 0) continue
      this.#length--
      return lane.shift()
    }
    return undefined
  }

  /** Takes out a job that is in the queue. */
  remove(job: PoolJob): void {
    this.#lane(job.priority).remove(job)
    this.#length--
  }

  #lane(priority: number): Lane {
    const [first] = this.#lanes
    if (first?.priority === priority) return first
    const at = this.#lanes.findIndex((lane) => lane.priority <= priority)
    const found = this.#lanes[at]
    if (found?.priority === priority) return found
    const lane = new Lane(priority)
    this.#lanes.splice(at === -1 ? this.#lanes.length : at, 0, lane)
    return lane
  }
}

class Lane {
  readonly priority: number
  length = 0
  #jobs: (PoolJob | undefined)[] = []
  #head = 0
  readonly #removed = new Set<PoolJob>()

  constructor(priority: number) {
    this.priority = priority
  }

  push(job: PoolJob): void {
    this.#jobs.push(job)
    this.length++
  }

  putBack(job: PoolJob): void {
    if (this.#head > 0) this.#jobs[--this.#head] = job
    else this.#jobs.unshift(job)
    this.length++
  }

  peek(): PoolJob | undefined {
    while (this.#head < this.#jobs.length) {
      const job = this.#jobs[this.#head] as PoolJob
      if (!this.#removed.delete(job)) return job
      this.#advance()
    }
    return undefined
  }

  shift(): PoolJob | undefined {
    const job = this.peek()
    if (job === undefined) return undefined
    this.#advance()
    this.length--
    return job
  }

  /** Its place is cleared when its turn would have come, or with many others. */
  remove(job: PoolJob): void {
    this.#removed.add(job)
    this.length--
    if (this.length === 0) {
      this.#jobs = []
      this.#head = 0
      return this.#removed.clear()
    }
    if (this.#removed.size < 1024 || this.#removed.size < this.length) return
    this.#jobs = this.#jobs.slice(this.#head).filter((each) => each !== undefined && !this.#removed.has(each))
    this.#head = 0
    this.#removed.clear()
  }

  // Cutting off the used head only when it is half of the array keeps shift() at constant cost on average.
  #advance(): void {
    this.#jobs[this.#head++] = undefined
    if (this.#head < 1024 || this.#head * 2 < this.#jobs.length) return
    this.#jobs = this.#jobs.slice(this.#head)
    this.#head = 0
  }
}
