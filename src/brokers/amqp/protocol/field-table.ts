/**
 * AMQP's field tables as bytes, as RabbitMQ and Python's py-amqp have them. Both differ from the letters of the
 * protocol, and from each other: py-amqp writes `L` for an integer beyond 32 bits, and reads `b`, `s` and `l` as other
 * types than RabbitMQ does, so that of -1 would come 255, a text or 2^64 - 1.
 */

/** A table that is none, or holds what nobody knows. */
export class FieldTableError extends Error {}

type Field = readonly [value: unknown, end: number]

/** The table at `at`, its length first. Integers beyond 2^53 are a `bigint`. @throws FieldTableError, RangeError */
export function readTable(bytes: Buffer, at: number, depth = 0): readonly [Record<string, unknown>, end: number] {
  const { from, end } = spanAt(bytes, at, depth)
  const table: Record<string, unknown> = {}
  for (let next = from; next < end; ) {
    const nameEnd = next + 1 + bytes.readUInt8(next)
    const name = bytes.toString('utf8', next + 1, nameEnd)
    const [value, fieldEnd] = readField(bytes, nameEnd, depth + 1)
    if (name === '__proto__') Object.defineProperty(table, name, { ...OWN, value })
    else table[name] = value
    next = fieldEnd
  }
  return [table, end]
}

/** @throws FieldTableError for what a table has no form for */
export function writeTable(table: object): Buffer {
  for (let bytes = 4_096; ; bytes *= 2) {
    const memory = Buffer.allocUnsafe(bytes)
    const end = putTable(memory, table, 0)
    if (end !== NO_ROOM) return memory.subarray(0, end)
  }
}

function readField(bytes: Buffer, at: number, depth: number): Field {
  const letter = String.fromCharCode(bytes.readUInt8(at))
  const from = at + 1
  switch (letter) {
    case 'S':
    case 'x': {
      const { from: start, end } = spanAt(bytes, from, depth)
      return [letter === 'S' ? bytes.toString('utf8', start, end) : bytes.subarray(start, end), end]
    }
    case 'F':
      return readTable(bytes, from, depth)
    case 'A':
      return readArray(bytes, from, depth)
    case 'D':
      return [{ scale: bytes.readUInt8(from), value: bytes.readInt32BE(from + 1) }, from + 5]
    case 't':
      return [bytes.readUInt8(from) !== 0, from + 1]
    case 'V':
      return [null, from]
    default:
      return readNumber(bytes, letter, from)
  }
}

function readNumber(bytes: Buffer, letter: string, at: number): Field {
  switch (letter) {
    case 'b':
      return [bytes.readInt8(at), at + 1]
    case 'B':
      return [bytes.readUInt8(at), at + 1]
    case 's':
    case 'U':
      return [bytes.readInt16BE(at), at + 2]
    case 'u':
      return [bytes.readUInt16BE(at), at + 2]
    case 'I':
      return [bytes.readInt32BE(at), at + 4]
    case 'i':
      return [bytes.readUInt32BE(at), at + 4]
    case 'l':
    case 'L':
      return [narrowed(bytes.readBigInt64BE(at)), at + 8]
    case 'T':
      return [narrowed(bytes.readBigUInt64BE(at)), at + 8]
    case 'f':
      return [widened(bytes.readFloatBE(at)), at + 4]
    case 'd':
      return [widened(bytes.readDoubleBE(at)), at + 8]
    default:
      throw new FieldTableError(`hold a field of an unknown type (${JSON.stringify(letter)})`)
  }
}

function readArray(bytes: Buffer, at: number, depth: number): Field {
  const { from, end } = spanAt(bytes, at, depth)
  const items: unknown[] = []
  for (let next = from; next < end; ) {
    const [value, fieldEnd] = readField(bytes, next, depth + 1)
    items.push(value)
    next = fieldEnd
  }
  return [items, end]
}

/** What is behind a length of four bytes. */
function spanAt(bytes: Buffer, at: number, depth: number): { readonly from: number; readonly end: number } {
  if (depth > MAX_DEPTH) throw new FieldTableError(`are nested deeper than ${MAX_DEPTH} levels`)
  const from = at + 4
  const end = from + bytes.readUInt32BE(at)
  if (end > bytes.byteLength) throw new FieldTableError('hold a field that is longer than they are')
  return { from, end }
}

function widened(value: number): number | bigint {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Where it ends in `to`, or {@link NO_ROOM}. @throws FieldTableError for what a table has no form for */
export function putTable(to: Buffer, table: object, at: number, depth = 0): number {
  if (at + ROOM > to.byteLength) return NO_ROOM
  let next = at + 4
  for (const name of Object.keys(table)) {
    const value: unknown = (table as Readonly<Record<string, unknown>>)[name]
    if (value === undefined) continue
    const nameBytes = Buffer.byteLength(name)
    if (nameBytes > 255) throw new FieldTableError('have a name of more than 255 bytes')
    if (next + nameBytes + ROOM > to.byteLength) return NO_ROOM
    next = to.writeUInt8(nameBytes, next)
    next = putField(to, value, next + to.write(name, next, nameBytes, 'utf8'), depth + 1)
    if (next === NO_ROOM) return NO_ROOM
  }
  to.writeUInt32BE(next - at - 4, at)
  return next
}

function putField(to: Buffer, value: unknown, at: number, depth: number): number {
  if (at + ROOM > to.byteLength) return NO_ROOM
  switch (typeof value) {
    case 'string':
      return putText(to, value, at)
    case 'boolean':
      return to.writeUInt8(value ? 1 : 0, to.writeUInt8(LETTER.boolean, at))
    case 'bigint':
      return putInteger(to, value, at)
    case 'number':
      if (Number.isInteger(value)) return putInteger(to, value, at)
      return to.writeDoubleBE(value, to.writeUInt8(LETTER.double, at))
    case 'object':
      return value === null ? to.writeUInt8(LETTER.nothing, at) : putContainer(to, value, at, depth)
    default:
      throw new FieldTableError(`hold a ${typeof value}`)
  }
}

function putText(to: Buffer, text: string, at: number): number {
  const bytes = Buffer.byteLength(text)
  if (at + bytes + ROOM > to.byteLength) return NO_ROOM
  const from = to.writeUInt32BE(bytes, to.writeUInt8(LETTER.text, at))
  return from + to.write(text, from, bytes, 'utf8')
}

/** In the 32 bits that everybody reads alike, where they are enough. */
function putInteger(to: Buffer, value: number | bigint, at: number): number {
  if (value >= -(2 ** 31) && value < 2 ** 31) return to.writeInt32BE(Number(value), to.writeUInt8(LETTER.int32, at))
  const wide = BigInt(value)
  if (BigInt.asIntN(64, wide) !== wide) throw new FieldTableError('hold an integer beyond 64 bits')
  return to.writeBigInt64BE(wide, to.writeUInt8(LETTER.int64, at))
}

function putContainer(to: Buffer, value: object, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new FieldTableError(`are nested deeper than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) return putArray(to, value, to.writeUInt8(LETTER.array, at), depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === Object.prototype || prototype === null
  if (!isPlain) throw new FieldTableError('hold an object of a class')
  return putTable(to, value, to.writeUInt8(LETTER.table, at), depth)
}

function putArray(to: Buffer, items: readonly unknown[], at: number, depth: number): number {
  let next = at + 4
  for (const item of items) {
    // A gap is null, as in JSON.
    next = putField(to, item ?? null, next, depth + 1)
    if (next === NO_ROOM) return NO_ROOM
  }
  to.writeUInt32BE(next - at - 4, at)
  return next
}

/** There are not enough bytes behind that place. */
export const NO_ROOM = -1
/** More than a name's or a field's own bytes without its text. */
const ROOM = 16
/** Deeper ones would overflow the stack in the end. */
export const MAX_DEPTH = 64
const OWN = { enumerable: true, configurable: true, writable: true }
const LETTER = {
  text: 'S'.charCodeAt(0),
  boolean: 't'.charCodeAt(0),
  int32: 'I'.charCodeAt(0),
  int64: 'l'.charCodeAt(0),
  double: 'd'.charCodeAt(0),
  nothing: 'V'.charCodeAt(0),
  array: 'A'.charCodeAt(0),
  table: 'F'.charCodeAt(0),
} as const
