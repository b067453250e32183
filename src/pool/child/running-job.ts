/** A job in the child that runs it: what `currentJob()` gives. */
import { CaromError } from '../../errors.ts'
import type { CurrentJob } from '../../job/context.ts'

export class RunningJob implements CurrentJob {
  readonly id: string
  #controller: AbortController | null = null
  #aborted = false

  constructor(id: string) {
    this.id = id
  }

  /** Made when first asked for: most jobs never look at it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.abort()
    return this.#controller.signal
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort(new CaromError('CAROM_JOB_CANCELLED', `Job ${this.id} was asked to stop`))
  }
}
