/**
 * Kombu's mark for values that JSON has no word for: `{"__type__": tag, "__value__": value}`, exactly these two keys.
 * Written and read by kombu 5.3 and newer; an older one hands the object itself to the task.
 */
import { fromWireDate, isWireDate, toWireDate } from './dates.ts'

const KNOWN_TAGS = ['datetime', 'date', 'time', 'decimal', 'uuid', 'bytes', 'base64'] as const
export type KnownTag = (typeof KNOWN_TAGS)[number]

export function isKnownTag(tag: unknown): tag is KnownTag {
  return (KNOWN_TAGS as readonly unknown[]).includes(tag)
}

/** The JSON text of a tagged date; `null` for one that Python cannot hold. */
export function dateTag(date: Date): string | null {
  // The method of the class: an own `getTime` of this one object is not asked.
  const epochMs = Date.prototype.getTime.call(date)
  return isWireDate(epochMs) ? `{"__type__":"datetime","__value__":"${toWireDate(epochMs)}"}` : null
}

/** The JSON text of tagged binary data. */
export function base64Tag(bytes: Uint8Array): string {
  return `{"__type__":"base64","__value__":"${toBase64(bytes)}"}`
}

export function toBase64(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('base64')
}

/**
 * What a tagged value is to us, or `undefined` if it is not what its tag says.
 *
 * | tag | becomes |
 * | --- | --- |
 * | `datetime` | `Date`; microseconds are cut off, without an offset it is UTC |
 * | `bytes`, `base64` | `Uint8Array` |
 * | `uuid` | string, lower case with dashes |
 * | `decimal`, `date`, `time` | the string Python wrote: JavaScript has no type that holds it whole |
 */
export function decodeTag(tag: KnownTag, value: unknown): unknown {
  if (tag === 'uuid') return decodeUuid(value)
  if (typeof value !== 'string') return undefined
  switch (tag) {
    case 'datetime': {
      const epochMs = fromWireDate(value)
      return epochMs === null ? undefined : new Date(epochMs)
    }
    case 'bytes':
      return new TextEncoder().encode(value)
    case 'base64': {
      const bytes = decodeBase64(value)
      return bytes === null ? undefined : new Uint8Array(bytes)
    }
    default:
      return value
  }
}

/** The bytes of `text`, or `null` where it is not base64 to the letter: Node's own decoder skips what it does not know. */
export function decodeBase64(text: string): Buffer | null {
  if (text.length % 4 !== 0 || text.includes('-') || text.includes('_')) return null
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : null
}

// Python writes `{"hex": "…32 digits", "version": 4}` and passes the object's fields on when it reads.
function decodeUuid(value: unknown): string | undefined {
  const hex = typeof value === 'object' && value !== null ? (value as { hex?: unknown }).hex : value
  if (typeof hex !== 'string') return undefined
  return UUID.exec(hex.toLowerCase())?.slice(1).join('-')
}

const UUID = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/
