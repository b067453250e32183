/**
 * AMQP's field tables as bytes, as RabbitMQ and Python's py-amqp have them. The two differ from the letters of the
 * protocol, and the library knows only RabbitMQ's: py-amqp writes `L` for an integer beyond 32 bits, and reads `b`, `s`
 * and `l` as other types than RabbitMQ does, so that of -1 would come 255, a text or 2^64 - 1.
 */

/** A table that is none, or holds what nobody knows. */
export class FieldTableError extends Error {}

type Field = readonly [value: unknown, end: number]

/** The table at `at`, its length first. Integers beyond 2^53 are a `bigint`. @throws FieldTableError, RangeError */
export function readTable(bytes: Buffer, at: number, depth = 0): readonly [Record<string, unknown>, end: number] {
  const { from, end } = spanAt(bytes, at, depth)
  const entries: [string, unknown][] = []
  for (let next = from; next < end; ) {
    const nameEnd = next + 1 + bytes.readUInt8(next)
    const name = bytes.toString('utf8', next + 1, nameEnd)
    const [value, fieldEnd] = readField(bytes, nameEnd, depth + 1)
    entries.push([name, value])
    next = fieldEnd
  }
  // Every key is an own one, `__proto__` too.
  return [Object.fromEntries(entries), end]
}

/** @returns null where the table is too large for a frame, too deep to be read, or has values for which the library has rules of its own */
export function writeTable(table: object): Buffer | null {
  const end = putTable(table, 0, 0)
  return end < 0 ? null : Buffer.from(scratch.subarray(0, end))
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
      return [bytes.readFloatBE(at), at + 4]
    case 'd':
      return [bytes.readDoubleBE(at), at + 8]
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

function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Where it ends in the scratch, or {@link REFUSED}. */
function putTable(table: object, at: number, depth: number): number {
  let next = at + 4
  for (const [name, value] of Object.entries(table)) {
    if (value === undefined) continue
    const nameBytes = Buffer.byteLength(name)
    if (nameBytes > 255 || next + nameBytes + ROOM > scratch.byteLength) return REFUSED
    next = scratch.writeUInt8(nameBytes, next)
    next = putField(value, next + scratch.write(name, next), depth + 1)
    if (next < 0) return REFUSED
  }
  scratch.writeUInt32BE(next - at - 4, at)
  return next
}

function putField(value: unknown, at: number, depth: number): number {
  if (depth > MAX_DEPTH || at + ROOM > scratch.byteLength) return REFUSED
  switch (typeof value) {
    case 'string':
      return putText(value, at)
    case 'boolean':
      return scratch.writeUInt8(value ? 1 : 0, putLetter('t', at))
    case 'bigint':
      return putInteger(value, at)
    case 'number':
      if (Number.isSafeInteger(value)) return putInteger(BigInt(value), at)
      return scratch.writeDoubleBE(value, putLetter('d', at))
    case 'object':
      return value === null ? putLetter('V', at) : putContainer(value, at, depth)
    default:
      return REFUSED
  }
}

function putText(text: string, at: number): number {
  const bytes = Buffer.byteLength(text)
  if (at + bytes + ROOM > scratch.byteLength) return REFUSED
  const from = scratch.writeUInt32BE(bytes, putLetter('S', at))
  scratch.write(text, from)
  return from + bytes
}

/** In the 32 bits that everybody reads alike, where they are enough. */
function putInteger(value: bigint, at: number): number {
  if (value >= -(2n ** 31n) && value < 2n ** 31n) return scratch.writeInt32BE(Number(value), putLetter('I', at))
  if (BigInt.asIntN(64, value) !== value) return REFUSED
  return scratch.writeBigInt64BE(value, putLetter('l', at))
}

function putContainer(value: object, at: number, depth: number): number {
  if (Array.isArray(value)) return putArray(value, putLetter('A', at), depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === Object.prototype || prototype === null
  return isPlain ? putTable(value, putLetter('F', at), depth) : REFUSED
}

function putArray(items: readonly unknown[], at: number, depth: number): number {
  let next = at + 4
  for (const item of items) {
    next = putField(item, next, depth + 1)
    if (next < 0) return REFUSED
  }
  scratch.writeUInt32BE(next - at - 4, at)
  return next
}

function putLetter(letter: string, at: number): number {
  return scratch.writeUInt8(letter.charCodeAt(0), at)
}

const REFUSED = -1
/** What is written is copied out of it at once. No frame is larger. */
const scratch = Buffer.allocUnsafe(131_072)
/** More than a name's or a field's own bytes without its text. */
const ROOM = 16
// As many levels as headers may have that are sent from here; deeper ones would overflow the stack.
const MAX_DEPTH = 66
