/** How long the functions of a pool take, so that the short ones can be told from the others. */

/** Runs that are looked at together. */
const MEASURE = 128
/** The index of their 99th percentile, rounded up. */
const P99 = Math.ceil(MEASURE * 0.99) - 1
/** Names come from callers: more than this are never told apart. */
const MAX_NAMES = 1_000

interface Runs {
  readonly micros: Float64Array
  known: number
  p99Ms: number
}

export class RunTimes {
  readonly #runs = new Map<string, Runs>()

  record(name: string, micros: number): void {
    const runs = this.#of(name)
    if (runs === undefined) return
    runs.micros[runs.known++] = micros
    if (runs.known < MEASURE) return
    runs.known = 0
    runs.p99Ms = (runs.micros.sort()[P99] as number) / 1_000
  }

  /** The 99th percentile of its latest full measure of runs, in ms; `Infinity` before the first. */
  p99Ms(name: string): number {
    return this.#runs.get(name)?.p99Ms ?? Number.POSITIVE_INFINITY
  }

  /** A run of it took too long: it has to prove itself again. */
  forget(name: string): void {
    this.#runs.delete(name)
  }

  #of(name: string): Runs | undefined {
    const known = this.#runs.get(name)
    if (known !== undefined || this.#runs.size >= MAX_NAMES) return known
    const runs = { micros: new Float64Array(MEASURE), known: 0, p99Ms: Number.POSITIVE_INFINITY }
    this.#runs.set(name, runs)
    return runs
  }
}
