/** How long the pool's jobs wait and run. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** In milliseconds, to a microsecond. */
export interface DurationStats {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export class RunHistograms {
  readonly #wait = createHistogram()
  readonly #run = createHistogram()

  /** A child has begun the job. */
  waited(job: { readonly submittedAtMs: number; readonly acceptedAtMs: number }): void {
    this.#wait.record(Math.max(1, Math.round((job.acceptedAtMs - job.submittedAtMs) * 1_000)))
  }

  ran(micros: number): void {
    this.#run.record(micros)
  }

  get wait(): DurationStats {
    return toStats(this.#wait)
  }

  get run(): DurationStats {
    return toStats(this.#run)
  }
}

function toStats(histogram: RecordableHistogram): DurationStats {
  const { count } = histogram
  const ms = (micros: number) => (count === 0 ? 0 : Math.round(micros) / 1_000)
  return {
    count,
    mean: ms(histogram.mean),
    p50: ms(histogram.percentile(50)),
    p90: ms(histogram.percentile(90)),
    p99: ms(histogram.percentile(99)),
    max: ms(histogram.max),
  }
}
