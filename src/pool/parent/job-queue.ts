/** Jobs in the order they will start: first in, first out, and what comes back goes to the front. */
import type { PoolJob } from './state.ts'

export class JobQueue {
  #jobs: (PoolJob | undefined)[] = []
  #head = 0
  readonly #removed = new Set<PoolJob>()
  #length = 0

  get length(): number {
    return this.#length
  }

  push(job: PoolJob): void {
    this.#jobs.push(job)
    this.#length++
  }

  putBack(job: PoolJob): void {
    if (this.#head > 0) this.#jobs[--this.#head] = job
    else this.#jobs.unshift(job)
    this.#length++
  }

  shift(): PoolJob | undefined {
    while (this.#head < this.#jobs.length) {
      const job = this.#jobs[this.#head] as PoolJob
      this.#jobs[this.#head++] = undefined
      this.#compact()
      if (this.#removed.delete(job)) continue
      this.#length--
      return job
    }
    return undefined
  }

  /** Takes out a job that is in the queue. Its place is cleared when its turn would have come, or with many others. */
  remove(job: PoolJob): void {
    this.#removed.add(job)
    this.#length--
    if (this.#removed.size < 1024 || this.#removed.size < this.#length) return
    this.#jobs = this.#jobs.slice(this.#head).filter((each) => each !== undefined && !this.#removed.has(each))
    this.#head = 0
    this.#removed.clear()
  }

  // Cutting off the used head only when it is half of the array keeps shift() at constant cost on average.
  #compact(): void {
    if (this.#head < 1024 || this.#head * 2 < this.#jobs.length) return
    this.#jobs = this.#jobs.slice(this.#head)
    this.#head = 0
  }
}
