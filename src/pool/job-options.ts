/** What one call can be told, beyond its arguments. */
import { MAX_TIMER_MS, optionalInteger } from './numbers.ts'

/** What every kind of call takes. Durations are in milliseconds, sizes in bytes. */
export interface JobOptions {
  /**
   * Takes the call back: dropped while it is queued (`CAROM_JOB_CANCELLED`, with the signal's reason as `cause`); once
   * it runs, the signal of its own `currentJob()` is aborted, and a function that has not ended when the pool's
   * `stopTimeoutMs` is over is killed with its child.
   */
  readonly signal?: AbortSignal
  /** How long it may run before its child is killed (`TimeLimitExceeded`). @default the pool's */
  readonly timeLimitMs?: number
  /** How long it may run before its signal is aborted with `SoftTimeLimitExceeded`. @default the pool's */
  readonly softTimeLimitMs?: number
  /** How far its child may grow while it runs before the child is killed (`MemoryLimitExceeded`). @default the pool's */
  readonly memoryLimitBytes?: number
  /** Of two queued jobs the one with the higher number starts first; -100 to 100. @default 0 */
  readonly priority?: number
  /** Gets what the function passes to `currentJob().progress()`. */
  readonly onProgress?: (value: unknown) => void
}

const KNOWN: ReadonlySet<string> = new Set<keyof JobOptions>([
  'signal',
  'timeLimitMs',
  'softTimeLimitMs',
  'memoryLimitBytes',
  'priority',
  'onProgress',
])

/**
 * The chunks of a map carry the map's options.
 *
 * @throws TypeError for an option that does not exist: a limit with a slip in its name would never strike; and for a
 * signal or a listener that is none: used later, it would throw where nobody catches it.
 */
export function checkOptions(options: JobOptions, isChunk: boolean): void {
  for (const key in options) {
    if (KNOWN.has(key) || (isChunk && key === 'chunkSize')) continue
    const known = [...KNOWN, ...(isChunk ? ['chunkSize'] : [])].join(', ')
    throw new TypeError(`Unknown option "${key}" of a call; known are: ${known}`)
  }
  const { signal, onProgress } = options
  if (signal !== undefined && !isSignal(signal)) throw wrongKind('signal', signal, 'an AbortSignal')
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw wrongKind('onProgress', onProgress, 'a function')
}

/** By its looks: one of another realm, or of a library, is as good. */
function isSignal(signal: AbortSignal | null): boolean {
  return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'
}

function wrongKind(name: string, value: unknown, expected: string): TypeError {
  return new TypeError(
    `Cannot set ${name} to ${value === null ? 'null' : `a value of type ${typeof value}`}: expected ${expected}`,
  )
}

/** Limits with 0 for none, as the machine has them. */
export interface JobLimits {
  readonly timeLimitMs: number
  readonly softTimeLimitMs: number
  readonly memoryLimitBytes: number
}

/**
 * The call's own limits over the pool's.
 *
 * @throws RangeError for a number out of range, or a soft limit that is not below the hard one.
 */
export function limitsOf(options: JobOptions, pool: JobLimits): JobLimits {
  const { timeLimitMs, softTimeLimitMs, memoryLimitBytes } = options
  if (timeLimitMs === undefined && softTimeLimitMs === undefined && memoryLimitBytes === undefined) return pool
  const hardMs = optionalInteger('timeLimitMs', timeLimitMs, 1, MAX_TIMER_MS) ?? pool.timeLimitMs
  // The pool's soft limit means nothing to a call that has to be over before.
  const poolSoftMs = hardMs === 0 || pool.softTimeLimitMs < hardMs ? pool.softTimeLimitMs : 0
  const limits = {
    timeLimitMs: hardMs,
    softTimeLimitMs: optionalInteger('softTimeLimitMs', softTimeLimitMs, 1, MAX_TIMER_MS) ?? poolSoftMs,
    memoryLimitBytes:
      optionalInteger('memoryLimitBytes', memoryLimitBytes, 1, Number.MAX_SAFE_INTEGER) ?? pool.memoryLimitBytes,
  }
  checkLimits(limits)
  return limits
}

/** @throws RangeError for a soft limit that could never be noticed. */
export function checkLimits({ timeLimitMs, softTimeLimitMs }: JobLimits): void {
  if (timeLimitMs === 0 || softTimeLimitMs < timeLimitMs) return
  const text = `softTimeLimitMs (${softTimeLimitMs}) has to be below timeLimitMs (${timeLimitMs})`
  throw new RangeError(`${text}: at the hard limit the child is killed`)
}

/** @throws RangeError */
export function priorityOf({ priority = 0 }: JobOptions): number {
  if (Number.isInteger(priority) && priority >= -100 && priority <= 100) return priority
  throw new RangeError(`Cannot set priority to ${priority}: expected an integer from -100 to 100`)
}
