/** One call given to a pool, as its caller sees it. */

import type { JobState as MachineState, Outcome, PoolChild, PoolJob } from './parent/state.ts'
import type { Payload } from './protocol/frame.ts'

/** `dispatched` to a child, `accepted` once that child has begun it, `settled` when `result` is known. */
export type JobState = MachineState

/** What the pool does for a job; {@link Job} is only its face. */
export interface JobOwner {
  cancel(job: PoolCall): void
  terminateJob(job: PoolCall): void
}

/** Who gave the pool a call, and is told how it goes. */
export interface CallListener {
  /** A child has begun it. */
  accepted?(): void
  settled(outcome: Outcome): void
}

/** The pool's own record of a call: the machine's fields, and whom to tell. */
export class PoolCall implements PoolJob {
  readonly id: number
  readonly name: string
  readonly payload: Payload
  readonly listener: CallListener
  state: JobState = 'queued'
  child: PoolChild | null = null
  returns = 0

  constructor(id: number, name: string, payload: Payload, listener: CallListener) {
    this.id = id
    this.name = name
    this.payload = payload
    this.listener = listener
  }
}

/** A call under way: what `applyAsync` gives at once. */
export class Job<R> {
  readonly #owner: JobOwner
  readonly #call: PoolCall
  /** The function's result. Rejects with the function's error, or with what kept it from running. */
  readonly result: Promise<R>

  /** @internal */
  constructor(owner: JobOwner, call: PoolCall, result: Promise<R>) {
    this.#owner = owner
    this.#call = call
    this.result = result
    // A caller that never looks at the result must not be ended by an unhandled rejection.
    result.catch(() => {})
  }

  /** Its number in this pool. */
  get id(): number {
    return this.#call.id
  }

  get state(): JobState {
    return this.#call.state
  }

  /** A queued job is dropped (`CAROM_JOB_CANCELLED`); a started one is asked to stop through its signal. */
  cancel(): void {
    this.#owner.cancel(this.#call)
  }

  /** Ends the job at once (`CAROM_JOB_TERMINATED`): its child is killed if the job has started. */
  terminate(): void {
    this.#owner.terminateJob(this.#call)
  }
}
