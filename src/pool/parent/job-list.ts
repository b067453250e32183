/**
 * The jobs of a child, in the order it was given them. Links in the jobs instead of a `Set`: a set that is added to and
 * taken from all the time leaves its old tables behind, and those keep dead jobs alive through many collections.
 */

export interface Linked<J> {
  before: J | null
  behind: J | null
}

export class JobList<J extends Linked<J>> implements Iterable<J> {
  #first: J | null = null
  #last: J | null = null
  #size = 0

  get first(): J | null {
    return this.#first
  }

  get size(): number {
    return this.#size
  }

  /** The job must be in no list. */
  add(job: J): void {
    job.before = this.#last
    if (this.#last === null) this.#first = job
    else this.#last.behind = job
    this.#last = job
    this.#size++
  }

  /** The job must be in this list. */
  delete(job: J): void {
    const { before, behind } = job
    if (before === null) this.#first = behind
    else before.behind = behind
    if (behind === null) this.#last = before
    else behind.before = before
    job.before = null
    job.behind = null
    this.#size--
  }

  /** The job that was just given may be deleted. */
  *[Symbol.iterator](): Generator<J, void, void> {
    let job = this.#first
    while (job !== null) {
      const behind: J | null = job.behind
      yield job
      job = behind
    }
  }
}
