/** A job in the child that runs it: what `currentJob()` gives. */
import { CaromError, SoftTimeLimitExceeded } from '../../errors.ts'
import type { CurrentJob } from '../../job/context.ts'
import type { Outlet } from './outlet.ts'

export class RunningJob implements CurrentJob {
  readonly number: number
  readonly startedAtMs: number
  /** Set once the order is decoded; 0 for none. */
  softTimeLimitMs = 0
  /** Where a stream's values go; `null` for other jobs. */
  readonly outlet: Outlet | null
  readonly #tell: (job: number, value: unknown) => void
  #controller: AbortController | null = null
  #reason: CaromError | null = null

  constructor(number: number, startedAtMs: number, outlet: Outlet | null, tell: (job: number, value: unknown) => void) {
    this.number = number
    this.startedAtMs = startedAtMs
    this.outlet = outlet
    this.#tell = tell
  }

  get id(): string {
    return String(this.number)
  }

  /** Made when first asked for: most jobs never look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== null) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** Why the job should stop; `null` as long as it should not. */
  get reason(): CaromError | null {
    return this.#reason
  }

  cancel(): void {
    this.#abort(new CaromError('CAROM_JOB_CANCELLED', `Job ${this.id} was asked to stop`))
    this.outlet?.close()
  }

  expire(): void {
    const text = `Job ${this.id} has run longer than its soft time limit of ${this.softTimeLimitMs} ms`
    this.#abort(new SoftTimeLimitExceeded(text, { softTimeLimitMs: this.softTimeLimitMs }))
  }

  progress(value: unknown): void {
    this.#tell(this.number, value)
  }

  checkDeadline(): void {
    if (this.#reason === null && this.softTimeLimitMs > 0) {
      if (performance.now() - this.startedAtMs >= this.softTimeLimitMs) this.expire()
    }
    if (this.#reason !== null) throw this.#reason
  }

  // The first reason stays: an `AbortSignal` is aborted once.
  #abort(reason: CaromError): void {
    this.#reason ??= reason
    this.#controller?.abort(this.#reason)
  }
}
