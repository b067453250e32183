/**
 * Open jobs by id. Ids come one after the other and most jobs are short, so a place by the lowest bits of the id is
 * nearly always free; only a job that finds it taken goes to a map. A map alone would be larger and slower to collect:
 * see `job-list.ts`.
 */

const PLACES = 4_096

export class JobTable<J extends { readonly id: number }> {
  readonly #places: (J | undefined)[] = new Array(PLACES).fill(undefined)
  readonly #others = new Map<number, J>()

  get(id: number): J | undefined {
    const job = this.#places[id % PLACES]
    return job?.id === id ? job : this.#others.get(id)
  }

  add(job: J): void {
    const place = job.id % PLACES
    if (this.#places[place] === undefined) this.#places[place] = job
    else this.#others.set(job.id, job)
  }

  delete({ id }: J): void {
    const place = id % PLACES
    if (this.#places[place]?.id === id) this.#places[place] = undefined
    else this.#others.delete(id)
  }
}
