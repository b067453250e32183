/**
 * JSON as Celery and kombu write it. Beyond plain JSON it carries
 *
 * | value | on the wire |
 * | --- | --- |
 * | `bigint` | an integer; any integer beyond 2^53 is read as a `bigint` |
 * | a whole `number` beyond 2^53 | with a fraction (`.0`) or an exponent, and so stays a number |
 * | `NaN`, `Infinity`, `-Infinity` | bare words, as Python has them |
 * | `Date`, `Uint8Array` (and `Buffer`) | kombu's tags `datetime`, `base64` |
 * | `-0` | `0` |
 * | `undefined` | left out of an object, `null` in an array or alone |
 *
 * An object of exactly the keys `__type__` and `__value__` is kombu's mark, and kombu knows no way to escape it. It is
 * refused where its `__type__` is one of kombu's own, and otherwise travels as it is, both ways: it may be a type
 * that a Python application registered. A Python reader that knows no such type rejects the message.
 */
import { isPlainPrototype, MAX_JSON_DEPTH, UnencodableError, writeWireJson } from './wire-json-encode.ts'
import { MalformedJsonError, parseWireJson } from './wire-json-parse.ts'

export { MAX_JSON_DEPTH, MalformedJsonError, UnencodableError }

export interface EncodeOptions {
  /** What errors call the value. @default 'value' */
  readonly root?: string
}

/**
 * The JSON text of `value`. An object's `toJSON` is honoured, except a `Date`'s.
 *
 * @throws UnencodableError for a function, symbol, Map, Set, Error, Promise, cycle, invalid Date, getter that throws,
 *   and for anything nested deeper than {@link MAX_JSON_DEPTH}.
 */
export function encodeWireJson(value: unknown, options: EncodeOptions = {}): string {
  const root = options.root ?? 'value'
  if (!isPlain(value)) return writeWireJson(value, root)
  try {
    return JSON.stringify(value) ?? 'null'
  } catch {
    // A getter that gave something else the second time, or a text longer than a string can be.
    return writeWireJson(value, root)
  }
}

/**
 * The value of `text`. Objects have the ordinary prototype and `__proto__` is an own key like any other; of equal
 * keys the last counts.
 *
 * @throws MalformedJsonError and nothing else.
 */
export function decodeWireJson(text: string): unknown {
  if (!(text as string & WellFormed).isWellFormed()) {
    throw new MalformedJsonError(0, 'the text holds half a surrogate pair')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // One of Python's bare words, or really malformed: the parser tells which, and where.
    return parseWireJson(text)
  }
  return isPlain(value) ? value : parseWireJson(text)
}

/**
 * Whether the native functions and ours agree on `value`: no number that may have been a bigint, no tag, nothing deep.
 * Makes nothing, so that it costs next to nothing.
 */
function isPlain(value: unknown): boolean {
  try {
    return isPlainValue(value, 0)
  } catch {
    return false
  }
}

function isPlainValue(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true
    case 'number':
      // False for NaN too.
      return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
    case 'object':
      return value === null || isPlainContainer(value, depth)
    default:
      return false
  }
}

function isPlainContainer(value: object, depth: number): boolean {
  if (depth >= MAX_PLAIN_DEPTH || (value as { toJSON?: unknown }).toJSON !== undefined) return false
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isPlainValue(value[index], depth + 1)) return false
    return true
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && !isPlainPrototype(prototype)) return false
  const fields = value as Record<string, unknown>
  // Not Object.keys, which makes an array; at worst an inherited field is looked at in vain.
  for (const key in fields) {
    if (key === '__type__' || !isPlainValue(fields[key], depth + 1)) return false
  }
  return true
}

/** In every Node that Carom runs on, but not yet in the type library it is compiled with. */
interface WellFormed {
  isWellFormed(): boolean
}

// A cycle is only found by reaching this depth, each level looking at its neighbours again: so it is kept low.
const MAX_PLAIN_DEPTH = 64
