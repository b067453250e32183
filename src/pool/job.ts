/** One call given to a pool: the pool's own record of it, and the face its caller sees. */

import type { JobLimits, JobOptions } from './job-options.ts'
import type { Outcome, PoolChild, PoolJob, JobState as State } from './parent/state.ts'
import type { SupervisedJob } from './parent/supervised-job.ts'
import type { Payload } from './protocol/frame.ts'
import type { CallForm } from './protocol/messages.ts'
import type { Tickets } from './protocol/tickets.ts'

/** `dispatched` to a child, `accepted` once that child has begun it, `settled` when `result` is known. */
export type JobState = State

/** A call as the pool is given it. */
export interface CallRequest {
  /** The export's name. */
  readonly name: string
  readonly form: CallForm
  /** The arguments of a call or a stream, the items of a map, the argument lists of a starmap. */
  readonly args: readonly unknown[]
  readonly options: JobOptions
  /** Calls of one kind take about the same time. @default the export's name */
  readonly kind?: string
}

/** @throws TypeError for a function in the place of its name, and for arguments that are not in a list. */
export function checkCall(name: unknown, args: unknown, moduleUrl: string): void {
  if (typeof name !== 'string') {
    const text = `A pool calls the exports of its module by name: write "export function square(n) { ... }" in ${moduleUrl}`
    throw new TypeError(`${text} and call pool.apply('square', [2]). A ${typeof name} is no name`)
  }
  if (Array.isArray(args)) return
  throw new TypeError(`The arguments of "${name}" have to be an array, as in pool.apply('${name}', [1, 2])`)
}

/** Who gave the pool a call, and is told how it goes. */
export interface CallListener {
  /** A child has begun it. */
  accepted?(): void
  /** One value of its stream. */
  yielded?(value: Payload): void
  settled(outcome: Outcome): void
}

export interface PoolCallParts extends JobLimits {
  readonly id: number
  readonly name: string
  readonly kind: string
  readonly form: CallForm
  readonly payload: Payload
  readonly priority: number
  readonly onProgress: ((value: unknown) => void) | null
  readonly listener: CallListener
}

/** The machine's fields, what is sent for it, and whom to tell. */
export class PoolCall implements SupervisedJob {
  readonly id: number
  readonly name: string
  readonly kind: string
  readonly form: CallForm
  /** Empty once it is settled. */
  payload: Payload
  readonly priority: number
  readonly timeLimitMs: number
  readonly softTimeLimitMs: number
  readonly memoryLimitBytes: number
  readonly onProgress: ((value: unknown) => void) | null
  readonly listener: CallListener
  readonly submittedAtMs = performance.now()
  acceptedAtMs = 0
  streamCredit = 0
  tickets: Tickets | null = null
  ticket = 0
  state: JobState = 'queued'
  child: PoolChild | null = null
  costMs = Number.POSITIVE_INFINITY
  before: PoolJob | null = null
  behind: PoolJob | null = null
  returns = 0
  hasYielded = false

  constructor(parts: PoolCallParts) {
    this.id = parts.id
    this.name = parts.name
    this.kind = parts.kind
    this.form = parts.form
    this.payload = parts.payload
    this.priority = parts.priority
    this.timeLimitMs = parts.timeLimitMs
    this.softTimeLimitMs = parts.softTimeLimitMs
    this.memoryLimitBytes = parts.memoryLimitBytes
    this.onProgress = parts.onProgress
    this.listener = parts.listener
  }
}

/** What the pool does for a job; {@link Job} is only its face. */
export interface JobOwner {
  cancel(call: PoolCall): void
  terminateJob(call: PoolCall): void
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
