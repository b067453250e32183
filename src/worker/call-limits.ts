/** The time limits that a message asks for, over those of the worker. Pure. */

/** Limits of one call, in milliseconds; absent, the worker's count. */
export interface CallLimits {
  readonly timeLimitMs?: number
  readonly softTimeLimitMs?: number
}

export type WorkerLimits = Readonly<{ timeLimitMs?: number | undefined; softTimeLimitMs?: number | undefined }>

/**
 * The header `timelimit` is `[hard, soft]` in seconds. Celery's rule: each counts for itself, before the worker's; zero
 * and `null` say nothing. A soft limit that could not strike before the hard one is left out, whosever it is. A header
 * of another shape says nothing here: the child refuses its message.
 */
export function callLimits(header: unknown, worker: WorkerLimits): CallLimits {
  if (!Array.isArray(header)) return NONE
  const [hard, soft] = header.map(toMs)
  if (hard === undefined && soft === undefined) return NONE
  const hardMs = hard ?? worker.timeLimitMs ?? Number.POSITIVE_INFINITY
  return {
    ...(hard !== undefined && { timeLimitMs: hard }),
    ...(soft !== undefined && soft < hardMs && { softTimeLimitMs: soft }),
  }
}

function toMs(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !(seconds > 0)) return undefined
  return Math.min(MAX_MS, Math.max(1, Math.round(seconds * 1000)))
}

const NONE: CallLimits = {}
// What a timer can hold, some 24 days.
const MAX_MS = 2 ** 31 - 1
