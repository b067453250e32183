import { toWireDate } from '../message/dates.ts'
import { type ApplyOptions, type Call, type CallOptions, checkApplyOptions, mergeOptions } from './call.ts'
import type { Sender } from './sender.ts'

/** Celery's signature dict: what a signature looks like on the wire and in JSON. */
export interface SignatureJson {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Celery's names: `countdown` is in seconds, `expires` is seconds or an ISO 8601 date. */
  readonly options: Readonly<Record<string, unknown>>
  readonly subtask_type: null
  readonly immutable: boolean
}

/**
 * A call that has not been sent: a task, its arguments and its options, as an immutable value. `Handle` is what sending
 * gives, an `AsyncResult` of the task's result.
 *
 * @example
 * const later = add.s(2, 3).set({ countdownMs: 10_000 })
 * const result = await later.delay()
 * JSON.stringify(later) // Celery's signature dict
 */
export class Signature<Handle = unknown> {
  readonly task: string
  readonly args: readonly unknown[]
  /** The one object of a task with `input`, or the arguments that were given by name. */
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: CallOptions
  readonly #sender: Sender<Handle>

  /** Made by `task.s(...)`. */
  constructor(call: Call, sender: Sender<Handle>) {
    this.task = call.task
    this.args = Object.freeze([...call.args])
    this.kwargs = Object.freeze({ ...call.kwargs })
    this.options = Object.freeze({ ...call.options })
    this.#sender = sender
    Object.freeze(this)
  }

  /** A new signature with `options` over this one's. @throws TypeError, RangeError for options that are refused. */
  set(options: ApplyOptions): Signature<Handle> {
    const merged = mergeOptions(this.task, this.options, checkApplyOptions(this.task, options))
    return new Signature({ task: this.task, args: this.args, kwargs: this.kwargs, options: merged }, this.#sender)
  }

  /** Sends the call with the options it holds. Resolves once the broker has confirmed it; throws what `applyAsync` of the task throws. */
  delay(): Promise<Handle> {
    return this.applyAsync()
  }

  /** Sends the call with `options` over those it holds. */
  async applyAsync(options: ApplyOptions = {}): Promise<Handle> {
    const [handle] = await this.#sender.send([this.set(options)])
    return handle as Handle
  }

  toJSON(): SignatureJson {
    return {
      task: this.task,
      args: this.args,
      kwargs: this.kwargs,
      options: toCeleryOptions(this.options),
      subtask_type: null,
      immutable: false,
    }
  }
}

function toCeleryOptions(options: CallOptions): Record<string, unknown> {
  const {
    countdownMs,
    eta,
    expiresMs,
    expires,
    timeLimitMs,
    softTimeLimitMs,
    queue,
    priority,
    taskId,
    headers,
    ignoreResult,
    serializer,
    compression,
  } = options
  return {
    ...(taskId !== undefined && { task_id: taskId }),
    ...(queue !== undefined && { queue }),
    ...(priority !== undefined && { priority }),
    ...(countdownMs !== undefined && { countdown: countdownMs / 1000 }),
    ...(eta !== undefined && { eta: toWireDate(eta.getTime()) }),
    ...(expiresMs !== undefined && { expires: expiresMs / 1000 }),
    ...(expires !== undefined && { expires: toWireDate(expires.getTime()) }),
    ...(timeLimitMs !== undefined && { time_limit: timeLimitMs / 1000 }),
    ...(softTimeLimitMs !== undefined && { soft_time_limit: softTimeLimitMs / 1000 }),
    ...(headers !== undefined && { headers }),
    ...(ignoreResult !== undefined && { ignore_result: ignoreResult }),
    ...(serializer !== undefined && { serializer }),
    // Celery has no word for none: it drops what is null.
    ...(compression !== undefined && { compression: compression === 'none' ? null : compression }),
  }
}
