/** One call as data: what to run, with what, and how. What a signature holds and a sender sends. */
import type { SerializerName } from '../message/serializers.ts'
import {
  type Compression,
  checkCompression,
  checkDate,
  checkDurationMs,
  checkFlag,
  checkIsObject,
  checkKeys,
  checkPriority,
  checkQueue,
  checkSerializer,
  checkTaskId,
  checkTimerMs,
  outOfRange,
} from './rules.ts'

/** When, where and how a call runs. Every option is optional; one set to `undefined` counts as not given. */
export interface ApplyOptions {
  /** Not before this many milliseconds after sending. Not together with `eta`. @default 0 */
  readonly countdownMs?: number | undefined
  /** Not before this moment. Not together with `countdownMs`. */
  readonly eta?: Date | undefined
  /** Given up as `REVOKED` if it has not started this many milliseconds after sending. Not together with `expires`. */
  readonly expiresMs?: number | undefined
  /** Given up as `REVOKED` if it has not started by this moment. Not together with `expiresMs`. */
  readonly expires?: Date | undefined
  /**
   * How long the task may run before its child is killed, and the call fails with `TimeLimitExceeded`: 1 ms to some 24
   * days. @default the worker's limit
   */
  readonly timeLimitMs?: number | undefined
  /**
   * How long it may run before its signal is aborted with `SoftTimeLimitExceeded`, which Python raises in the task: as
   * `timeLimitMs`, and below it. @default the worker's limit
   */
  readonly softTimeLimitMs?: number | undefined
  /** @default the task's queue, else the app's */
  readonly queue?: string | undefined
  /** 0 to 9; a higher number goes first, except on Redis, where 0 does. @default the task's priority, else 0 */
  readonly priority?: number | undefined
  /** 1 to 255 printable ASCII characters without spaces. Nothing checks that it is new. @default a random UUID */
  readonly taskId?: string | undefined
  /** Travel with the message; the task reads them from `currentTask().headers`. Names of Celery's own are refused. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  /** Stores no result: `get()` on the handle throws `CAROM_RESULT_IGNORED`. @default the task's setting, else false */
  readonly ignoreResult?: boolean | undefined
  /** What the arguments are written in; `auth` is signed. @default the task's serializer, else the app's, else 'json' */
  readonly serializer?: SerializerName | undefined
  /** What the message is compressed with. @default the task's compression, else the app's, else 'none' */
  readonly compression?: Compression | undefined
}

/** A call that can be sent. Its options are checked and hold no `undefined`. */
export interface Call {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: CallOptions
}

/** Checked {@link ApplyOptions}: no key is `undefined`. */
export type CallOptions = { readonly [Key in keyof ApplyOptions]: Exclude<ApplyOptions[Key], undefined> }

/**
 * Checks what a caller gave as options of a call to `task`.
 *
 * @throws TypeError for an unknown option, a wrong type, or two options that exclude each other.
 * @throws RangeError for a number or a date out of its range, and for a soft limit that is not below the hard one.
 */
export function checkApplyOptions(task: string, options: ApplyOptions): CallOptions {
  const owner = ownerOf(task)
  checkKeys(options, NAMES, `option ${owner}`)
  const checked: Record<string, unknown> = {}
  for (const name of NAMES) {
    const value = options[name]
    if (value === undefined) continue
    CHECKS[name](value, `${name} ${owner}`)
    checked[name] = value
  }
  for (const [one, other] of EXCLUSIVE) {
    if (one in checked && other in checked) {
      throw new TypeError(`Cannot set both ${one} and ${other} ${owner}: they say the same thing twice, give one`)
    }
  }
  checkLimits(checked, owner)
  return Object.freeze(checked)
}

/**
 * `added` over `options` of a call to `task`; one of a pair that excludes each other replaces the other.
 *
 * @throws RangeError for a soft limit that is not below the hard one.
 */
export function mergeOptions(task: string, options: CallOptions, added: CallOptions): CallOptions {
  const merged: Record<string, unknown> = { ...options }
  for (const [one, other] of EXCLUSIVE) {
    if (one in added) delete merged[other]
    if (other in added) delete merged[one]
  }
  Object.assign(merged, added)
  checkLimits(merged, ownerOf(task))
  return Object.freeze(merged)
}

function checkLimits({ timeLimitMs, softTimeLimitMs }: CallOptions, owner: string): void {
  if (timeLimitMs === undefined || softTimeLimitMs === undefined || softTimeLimitMs < timeLimitMs) return
  throw outOfRange(softTimeLimitMs, `softTimeLimitMs ${owner}`, `less than its timeLimitMs (${timeLimitMs})`)
}

function ownerOf(task: string): string {
  return `of task "${task}"`
}

/** Of a call that says nothing of its own. */
export const NO_OPTIONS: CallOptions = Object.freeze({})

const EXCLUSIVE = [
  ['countdownMs', 'eta'],
  ['expiresMs', 'expires'],
] as const

const CHECKS: Readonly<Record<keyof ApplyOptions, (value: unknown, what: string) => void>> = {
  countdownMs: checkDurationMs,
  eta: checkDate,
  expiresMs: checkDurationMs,
  expires: checkDate,
  timeLimitMs: checkTimerMs,
  softTimeLimitMs: checkTimerMs,
  queue: checkQueue,
  priority: checkPriority,
  taskId: checkTaskId,
  headers: checkIsObject,
  ignoreResult: checkFlag,
  serializer: checkSerializer,
  compression: checkCompression,
}
const NAMES = Object.keys(CHECKS) as (keyof ApplyOptions)[]
