/**
 * Every error Carom throws on purpose. `code` is API and never changes its meaning; text is not API.
 *
 * Misuse that a type checker would have caught (a negative size, a wrong type) is a `TypeError` or `RangeError`.
 */

/** The closed list of codes. `docs/reference/errors.md` explains each one; a check keeps the two equal. */
export const CAROM_ERROR_CODES = [
  'CAROM_APP_CLOSED',
  'CAROM_APP_LOAD_FAILED',
  'CAROM_APP_MISSING',
  'CAROM_APP_NOT_FOUND',
  'CAROM_APP_TYPESCRIPT',
  'CAROM_ARGUMENTS_INVALID',
  'CAROM_ARGUMENTS_TOO_LARGE',
  'CAROM_ARGUMENTS_UNENCODABLE',
  'CAROM_CHILD_LOST',
  'CAROM_CHILD_START',
  'CAROM_EMBEDDED_REFUSED',
  'CAROM_EXECUTOR_UNABLE',
  'CAROM_EXPORT_UNKNOWN',
  'CAROM_FORK_UNAVAILABLE',
  'CAROM_JOB_CANCELLED',
  'CAROM_JOB_TERMINATED',
  'CAROM_JOIN_TIMEOUT',
  'CAROM_KWARGS_REFUSED',
  'CAROM_MEMORY_LIMIT',
  'CAROM_MESSAGE_INVALID',
  'CAROM_NO_REPLY',
  'CAROM_PLATFORM_UNSUPPORTED',
  'CAROM_POOL_CLOSED',
  'CAROM_QUARANTINE_UNKNOWN',
  'CAROM_RESULT_ELSEWHERE',
  'CAROM_RESULT_IGNORED',
  'CAROM_RESULT_INSIDE_TASK',
  'CAROM_RESULT_TIMEOUT',
  'CAROM_RESULT_TOO_LARGE',
  'CAROM_RESULT_UNENCODABLE',
  'CAROM_SECURITY_UNUSABLE',
  'CAROM_SOFT_TIME_LIMIT',
  'CAROM_STORE_BUSY',
  'CAROM_STORE_CLOSED',
  'CAROM_STORE_CORRUPT',
  'CAROM_STORE_FULL',
  'CAROM_STORE_GONE',
  'CAROM_STORE_READ_ONLY',
  'CAROM_STORE_UNAVAILABLE',
  'CAROM_TASK_DUPLICATE',
  'CAROM_TASK_EXPIRED',
  'CAROM_TASK_FAILED',
  'CAROM_TASK_REVOKED',
  'CAROM_TASK_UNKNOWN',
  'CAROM_TIME_LIMIT',
  'CAROM_URL_UNSUPPORTED',
  'CAROM_USAGE',
  'CAROM_WORKER_LOST',
] as const

/** One of {@link CAROM_ERROR_CODES}. */
export type CaromErrorCode = (typeof CAROM_ERROR_CODES)[number]

export function isCaromErrorCode(code: unknown): code is CaromErrorCode {
  return (CAROM_ERROR_CODES as readonly unknown[]).includes(code)
}

/** `cause` keeps the original; every other key becomes a field of the error (`pid`, `taskId`, `queue`, ...). */
export interface ErrorFacts {
  readonly cause?: unknown
  readonly [fact: string]: unknown
}

const BRAND = Symbol.for('carom.error')

/** An error with a stable `code`. Recognise it by {@link isCaromError}: `instanceof` fails across two copies of Carom. */
export class CaromError extends Error {
  readonly code: CaromErrorCode
  readonly [fact: string]: unknown

  constructor(code: CaromErrorCode, message: string, facts: ErrorFacts = {}) {
    const { cause, ...fields } = facts
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CaromError'
    this.code = code
    Object.assign(this, fields)
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** The task's child died while it ran the task, so often that the task was given up. Celery's name for it. */
export class WorkerLostError extends CaromError {
  constructor(message: string, facts?: ErrorFacts) {
    super('CAROM_WORKER_LOST', message, facts)
    this.name = 'WorkerLostError'
  }
}

/**
 * The job ran longer than its `softTimeLimitMs`. Thrown inside the job, by `checkDeadline()` and as the reason of its
 * signal, so that it can clean up; its caller gets it if the job lets it through. Billiard's name for it.
 */
export class SoftTimeLimitExceeded extends CaromError {
  constructor(message: string, facts?: ErrorFacts) {
    super('CAROM_SOFT_TIME_LIMIT', message, facts)
    this.name = 'SoftTimeLimitExceeded'
  }
}

/** The job ran longer than its `timeLimitMs`, and its child was killed. Billiard's name for it. */
export class TimeLimitExceeded extends CaromError {
  constructor(message: string, facts?: ErrorFacts) {
    super('CAROM_TIME_LIMIT', message, facts)
    this.name = 'TimeLimitExceeded'
  }
}

/** The job's child grew over `memoryLimitBytes` while it ran the job, and was killed. */
export class MemoryLimitExceeded extends CaromError {
  constructor(message: string, facts?: ErrorFacts) {
    super('CAROM_MEMORY_LIMIT', message, facts)
    this.name = 'MemoryLimitExceeded'
  }
}

/** The result was not there in time; the task itself goes on. Not called `TimeoutError`: that is AbortSignal's. */
export class ResultTimeoutError extends CaromError {
  constructor(message: string, facts?: ErrorFacts) {
    super('CAROM_RESULT_TIMEOUT', message, facts)
    this.name = 'ResultTimeoutError'
  }
}

/**
 * True for an error of any copy of Carom, also one that crossed a process; with `code`, only for that code.
 *
 * @example if (isCaromError(error, 'CAROM_RESULT_TIMEOUT')) ...
 */
export function isCaromError(error: unknown, code?: CaromErrorCode): error is CaromError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as { code?: unknown }).code === code
}
