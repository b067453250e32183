/** Dates as Celery writes them. Python counts microseconds and years 1 to 9999; a `Date` counts milliseconds. */

/**
 * `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`.
 *
 * Always six digits and a numeric offset: Celery 5.2 takes the fraction for a count of microseconds however short it
 * is, and 5.3.0 to 5.3.4 refuse `Z` on Python 3.10 and older.
 *
 * @throws RangeError when Python could not hold the date: not a number, or outside the years 1 to 9999.
 */
export function toWireDate(epochMs: number): string {
  if (!isWireDate(epochMs)) {
    throw new RangeError(`Cannot write ${epochMs} as a date: expected epoch milliseconds, years 1 to 9999`)
  }
  return `${new Date(epochMs).toISOString().slice(0, -1)}000+00:00`
}

export function isWireDate(epochMs: number): boolean {
  return epochMs >= MIN_EPOCH_MS && epochMs <= MAX_EPOCH_MS
}

/**
 * Epoch milliseconds (microseconds are cut off) of an ISO 8601 date, or `null` if it is none.
 *
 * Time and seconds may be missing. `zone` says how a date without an offset is read: Celery's rule is UTC, and local
 * time for a message of protocol v1 that says `utc: false`.
 */
export function fromWireDate(text: string, zone: 'utc' | 'local' = 'utc'): number | null {
  const match = ISO_DATE.exec(text)
  if (match === null) return null
  const part = (index: number) => Number(match[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return null
  const milliseconds = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3))
  // In a later cycle of the calendar: Date.UTC moves the years 0 to 99 into the 20th century.
  const laterMs = Date.UTC(year + CYCLE_YEARS, month - 1, day, hour, minute, second, milliseconds)
  const wall = new Date(laterMs - CYCLE_MS)
  if (wall.getUTCMonth() !== month - 1 || wall.getUTCDate() !== day) return null
  const offset = match[8]
  if (offset !== undefined) return wall.getTime() - offsetMs(offset)
  return zone === 'utc' ? wall.getTime() : localMs(wall)
}

/** Whether the date names its own offset. `text` has to be a date. */
export function hasOffset(text: string): boolean {
  return ISO_DATE.exec(text)?.[8] !== undefined
}

/** The instant at which clocks here show what `wall` shows in UTC. */
function localMs(wall: Date): number {
  const local = new Date(0)
  local.setFullYear(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate())
  local.setHours(wall.getUTCHours(), wall.getUTCMinutes(), wall.getUTCSeconds(), wall.getUTCMilliseconds())
  return local.getTime()
}

// Python writes seconds into an offset where a zone's old local mean time had them.
function offsetMs(offset: string): number {
  if (offset === 'Z' || offset === 'z') return 0
  const digits = offset.slice(1).replaceAll(':', '')
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6))
  return (offset.startsWith('-') ? -seconds : seconds) * 1000
}

const MIN_EPOCH_MS = Date.parse('0001-01-01T00:00:00.000Z')
const MAX_EPOCH_MS = Date.parse('9999-12-31T23:59:59.999Z')
// After so many years the calendar is the same again.
const CYCLE_YEARS = 400
const CYCLE_MS = 146_097 * 24 * 3600 * 1000
const ISO_DATE =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d\d(?::?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?)?)?)?$/
