/** What an error of the store means for the outcome that was to be stored. */
import { type CaromErrorCode, isCaromError } from '../errors.ts'

/** Whether the store has refused, and nothing has happened. After any other error it may have done what it was asked. */
export function isRefusal(error: unknown): boolean {
  return isCaromError(error) && REFUSALS.has(error.code)
}

/**
 * What further tries are worth: `none`, since what is refused is the outcome itself; `some`, since nobody can say; `all`,
 * since it is the store that is away, and will be back.
 */
export function worthOfTries(error: unknown): 'none' | 'some' | 'all' {
  if (!isCaromError(error)) return 'some'
  if (error.code === 'CAROM_MESSAGE_INVALID') return 'none'
  return AWAY.has(error.code) && !isWrongType(error) ? 'all' : 'some'
}

/** Redis's word for a key, a queue's or a chord's, that is something else: the store is there, and all else can be stored. */
function isWrongType({ cause }: { readonly cause?: unknown }): boolean {
  return cause instanceof Error && /\bWRONGTYPE\b/.test(cause.message)
}

const REFUSALS: ReadonlySet<CaromErrorCode> = new Set([
  'CAROM_MESSAGE_INVALID',
  'CAROM_STORE_BUSY',
  'CAROM_STORE_CLOSED',
  'CAROM_STORE_FULL',
  'CAROM_STORE_READ_ONLY',
])
// A pool that was closed cannot say what follows: the worker ends, and the message goes on elsewhere.
const AWAY: ReadonlySet<CaromErrorCode> = new Set([
  'CAROM_POOL_CLOSED',
  'CAROM_STORE_BUSY',
  'CAROM_STORE_CLOSED',
  'CAROM_STORE_FULL',
  'CAROM_STORE_READ_ONLY',
  'CAROM_STORE_UNAVAILABLE',
])
