/** The rules for what a person writes into options. Each check names the value, what it was for, and the rule. */
import { inspect } from 'node:util'
import { COMPRESSIONS, type CompressionName, whyNotCompress } from '../message/compression.ts'
import { isPickle, isSerializerName, SERIALIZERS } from '../message/serializers.ts'

/** @throws TypeError for anything but an object whose keys are all known. */
export function checkKeys(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`Expected an object with each ${what}, got ${show(options)}`)
  }
  const unknown = Object.keys(options).filter((key) => !known.includes(key))
  if (unknown.length > 0) {
    throw new TypeError(
      `Unknown ${what}: ${unknown.map((key) => `"${key}"`).join(', ')}. Known are ${known.join(', ')}`,
    )
  }
}

/** A name that becomes part of keys and AMQP names, whose own limit is 255 bytes. */
export function checkQueue(value: unknown, what: string): void {
  checkWord(value, what, 200)
}

export function checkTaskId(value: unknown, what: string): void {
  checkWord(value, what, 255)
}

export function checkWord(value: unknown, what: string, most: number): void {
  const rule = `1 to ${most} printable ASCII characters without spaces`
  if (typeof value !== 'string') throw wrongType(value, what, rule)
  if (value.length > most || !/^[\x21-\x7e]+$/.test(value)) throw outOfRange(value, what, rule)
}

export function checkPriority(value: unknown, what: string): void {
  checkInteger(value, what, 0, 9)
}

export function checkInteger(value: unknown, what: string, least: number, most: number): void {
  const rule = `an integer from ${least} to ${most}`
  if (typeof value !== 'number') throw wrongType(value, what, rule)
  if (!Number.isInteger(value) || value < least || value > most) throw outOfRange(value, what, rule)
}

export function checkDurationMs(value: unknown, what: string): void {
  if (typeof value !== 'number') throw wrongType(value, what, DURATION_RULE)
  if (!(value >= 0 && value <= MAX_DURATION_MS)) throw outOfRange(value, what, DURATION_RULE)
}

export function checkTimerMs(value: unknown, what: string): void {
  checkInteger(value, what, 1, MAX_TIMER_MS)
}

export function checkDate(value: unknown, what: string): void {
  if (!(value instanceof Date)) throw wrongType(value, what, 'a Date')
  const year = value.getUTCFullYear()
  // Four digits are all that Python's dates can say; NaN fails the comparison too.
  if (!(year >= 1 && year <= 9999)) throw outOfRange(value, what, 'a valid Date in the years 1 to 9999')
}

export function checkFlag(value: unknown, what: string): void {
  if (typeof value !== 'boolean') throw wrongType(value, what, 'true or false')
}

/** A compression, or `none` to overrule one that a task or an app has. */
export type Compression = CompressionName | 'none'

/** @throws TypeError, RangeError; also for a compression that this Node does not have. */
export function checkCompression(value: unknown, what: string): void {
  const rule = [...Object.keys(COMPRESSIONS), 'none'].map((name) => `"${name}"`).join(', ')
  if (typeof value !== 'string') throw wrongType(value, what, rule)
  if (value === 'none') return
  if (!Object.hasOwn(COMPRESSIONS, value)) throw outOfRange(value, what, rule)
  const reason = whyNotCompress(value as CompressionName)
  if (reason !== null) throw new RangeError(`Cannot set ${what} to "${value}", ${reason}`)
}

export function checkSerializer(value: unknown, what: string): void {
  const rule = Object.keys(SERIALIZERS)
    .map((name) => `"${name}"`)
    .join(', ')
  if (typeof value !== 'string') throw wrongType(value, what, rule)
  if (isPickle(value)) {
    throw new RangeError(`Cannot set ${what} to "${value}": Carom neither writes nor reads pickle. Use one of ${rule}`)
  }
  if (!isSerializerName(value)) throw outOfRange(value, what, rule)
}

export function checkIsObject(value: unknown, what: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(value, what, 'an object')
}

export function wrongType(value: unknown, what: string, rule: string): TypeError {
  return new TypeError(`Cannot set ${what} to ${show(value)}: expected ${rule}`)
}

export function outOfRange(value: unknown, what: string, rule: string): RangeError {
  return new RangeError(`Cannot set ${what} to ${show(value)}: expected ${rule}`)
}

function show(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 80, maxArrayLength: 3 })
}

const MAX_DURATION_MS = 10 * 365 * 24 * 3_600_000
const DURATION_RULE = `a number of milliseconds from 0 to ${MAX_DURATION_MS} (ten years)`
// What a timer can hold, some 24 days.
const MAX_TIMER_MS = 2 ** 31 - 1
