/**
 * MessagePack as kombu writes it: text as str, binary data as bin, no extension but the standard timestamp. Kombu's
 * reader gives a task the `Timestamp` of Python's msgpack for a `Date`.
 */
import { UnencodableError } from './wire-json-encode.ts'

/** Values in one body: an empty array takes one byte on the wire, and many times that where it is read. */
export const MAX_MSGPACK_VALUES = 5_000_000

/** @throws UnencodableError for an integer beyond 64 bits, half a surrogate pair, and more values than are read. `value` has come out of JSON. */
export function encodeMsgpack(value: unknown, root: string): Uint8Array {
  const writer = new Writer(root)
  writer.value(value)
  return writer.bytes()
}

class Writer {
  readonly #root: string
  readonly #keys: (string | number)[] = []
  #buffer = Buffer.allocUnsafe(1024)
  #at = 0
  #values = 0

  constructor(root: string) {
    this.#root = root
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#at)
  }

  value(value: unknown): void {
    if (++this.#values > MAX_MSGPACK_VALUES) throw this.#refusal(`it is one of more than ${MAX_MSGPACK_VALUES} values`)
    switch (typeof value) {
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2)
      case 'number':
        // An integer has no negative zero.
        return Number.isSafeInteger(value) && !Object.is(value, -0) ? this.#integer(value) : this.#float(value)
      case 'bigint':
        return this.#bigint(value)
      case 'string':
        return this.#text(value)
      default:
        return value === null || value === undefined ? this.#byte(0xc0) : this.#object(value)
    }
  }

  #object(value: object): void {
    if (value instanceof Uint8Array) {
      this.#header(value.byteLength, 0xc4, 0xc5, 0xc6)
      return this.#append(value)
    }
    if (value instanceof Date) return this.#date(value.getTime())
    if (!Array.isArray(value)) return this.#map(Object.entries(value))
    this.#header(value.length, 0xdc, 0xdc, 0xdd, 0x90)
    for (let index = 0; index < value.length; index++) this.#below(index, value[index])
  }

  #map(fields: readonly (readonly [string, unknown])[]): void {
    this.#header(fields.length, 0xde, 0xde, 0xdf, 0x80)
    this.#values += fields.length
    for (const [key, field] of fields) {
      this.#text(key)
      this.#below(key, field)
    }
  }

  #below(key: string | number, value: unknown): void {
    this.#keys.push(key)
    this.value(value)
    this.#keys.pop()
  }

  #text(text: string): void {
    if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
      throw this.#refusal('the text holds half a surrogate pair, which only the serializer json can carry')
    }
    const size = Buffer.byteLength(text)
    if (size < 32) this.#byte(0xa0 | size)
    else this.#header(size, 0xd9, 0xda, 0xdb)
    this.#reserve(size)
    this.#at += this.#buffer.write(text, this.#at)
  }

  #integer(value: number): void {
    if (value >= -32 && value < 128) return this.#byte(value & 0xff)
    if (value < -0x80000000 || value > 0xffffffff) return this.#bigint(BigInt(value))
    this.#reserve(5)
    if (value < 0) {
      this.#buffer[this.#at] = 0xd2
      this.#buffer.writeInt32BE(value, this.#at + 1)
    } else {
      this.#buffer[this.#at] = 0xce
      this.#buffer.writeUInt32BE(value, this.#at + 1)
    }
    this.#at += 5
  }

  #bigint(value: bigint): void {
    const fits = BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value
    if (!fits) throw this.#refusal('an integer beyond 64 bits, which msgpack cannot carry: use the serializer json')
    this.#byte(value < 0n ? 0xd3 : 0xcf)
    this.#reserve(8)
    this.#buffer.writeBigUInt64BE(BigInt.asUintN(64, value), this.#at)
    this.#at += 8
  }

  #float(value: number): void {
    this.#byte(0xcb)
    this.#reserve(8)
    this.#at = this.#buffer.writeDoubleBE(value, this.#at)
  }

  /** The standard extension -1 in its longest form, which reaches every date. */
  #date(epochMs: number): void {
    const seconds = Math.floor(epochMs / 1000)
    this.#append(Uint8Array.of(0xc7, 12, 0xff))
    this.#reserve(12)
    this.#at = this.#buffer.writeUInt32BE((epochMs - seconds * 1000) * 1e6, this.#at)
    this.#at = this.#buffer.writeBigInt64BE(BigInt(seconds), this.#at)
  }

  /** A count in as few bytes as it takes: four bits beside `fix` where there is such a form, else 8, 16 or 32. */
  #header(count: number, code8: number, code16: number, code32: number, fix?: number): void {
    if (fix !== undefined && count < 16) return this.#byte(fix | count)
    this.#reserve(5)
    if (count < 0x100 && code8 !== code16) {
      this.#at = this.#buffer.writeUInt8(count, this.#buffer.writeUInt8(code8, this.#at))
    } else if (count < 0x10000) {
      this.#at = this.#buffer.writeUInt16BE(count, this.#buffer.writeUInt8(code16, this.#at))
    } else {
      this.#at = this.#buffer.writeUInt32BE(count, this.#buffer.writeUInt8(code32, this.#at))
    }
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#buffer[this.#at++] = byte
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.byteLength
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.byteLength * 2, this.#at + size))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  #refusal(reason: string): UnencodableError {
    const path = this.#keys.map((key) => (typeof key === 'number' ? `[${key}]` : `[${JSON.stringify(key)}]`)).join('')
    return new UnencodableError(`${this.#root}${path.slice(0, MAX_PATH_LENGTH)}`, reason)
  }
}

const MAX_PATH_LENGTH = 200
