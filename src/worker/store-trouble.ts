/** What an error of the store means for the outcome that was to be stored. */
import { isCaromError } from '../errors.ts'

/** Whether the store has refused, and nothing has happened. After any other error it may have done what it was asked. */
export function isRefusal(error: unknown): boolean {
  return isCaromError(error) && REFUSALS.has(error.code)
}

const REFUSALS: ReadonlySet<string> = new Set([
  'CAROM_MESSAGE_INVALID',
  'CAROM_STORE_BUSY',
  'CAROM_STORE_CLOSED',
  'CAROM_STORE_FULL',
  'CAROM_STORE_READ_ONLY',
])
