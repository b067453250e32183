/**
 * Reads MessagePack. Written for hostile bytes: nothing is allocated for a count that the bytes cannot bear, keys are text
 * (Python's own rule), and no extension makes an object but the standard timestamp, which makes a `Date`.
 */

import { MalformedBodyError } from './malformed-body.ts'
import { MAX_JSON_DEPTH } from './wire-json-encode.ts'
import { MAX_MSGPACK_VALUES } from './wire-msgpack-encode.ts'

/**
 * The value of `bytes`. Integers beyond 2^53 are a `bigint`; of equal keys the last counts, and `__proto__` is one like
 * any other.
 *
 * @throws MalformedBodyError and nothing else.
 */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  return new Reader(bytes).document()
}

class Reader {
  readonly #bytes: Buffer
  #at = 0
  #depth = 0
  #values = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  document(): unknown {
    const value = this.#value()
    if (this.#at === this.#bytes.byteLength) return value
    throw this.#malformed('there is more after the value')
  }

  #value(): unknown {
    if (++this.#values > MAX_MSGPACK_VALUES) throw this.#malformed(`it has more than ${MAX_MSGPACK_VALUES} values`)
    const code = this.#unsigned(1)
    if (code < 0x80) return code
    if (code < 0x90) return this.#map(code & 15)
    if (code < 0xa0) return this.#array(code & 15)
    if (code < 0xc0) return this.#text(code & 31)
    if (code >= 0xe0) return code - 0x100
    return this.#marked(code)
  }

  #marked(code: number): unknown {
    switch (code) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return code === 0xc3
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return new Uint8Array(this.#take(this.#unsigned(1 << (code - 0xc4))))
      case 0xca:
        return this.#take(4).readFloatBE()
      case 0xcb:
        return this.#take(8).readDoubleBE()
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (code - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(code === 0xdc ? 2 : 4))
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(code === 0xde ? 2 : 4))
      default:
        return this.#numberOrExtension(code)
    }
  }

  #numberOrExtension(code: number): unknown {
    if (code === 0xcf) return narrowed(this.#take(8).readBigUInt64BE())
    if (code === 0xd3) return narrowed(this.#take(8).readBigInt64BE())
    if (code >= 0xcc && code <= 0xce) return this.#unsigned(1 << (code - 0xcc))
    if (code >= 0xd0 && code <= 0xd2) {
      const size = 1 << (code - 0xd0)
      return this.#take(size).readIntBE(0, size)
    }
    if (code >= 0xd4 && code <= 0xd8) return this.#extension(1 << (code - 0xd4))
    if (code >= 0xc7 && code <= 0xc9) return this.#extension(this.#unsigned(1 << (code - 0xc7)))
    throw this.#malformed('a byte that begins no value')
  }

  #array(count: number): unknown[] {
    this.#enter(count)
    const items: unknown[] = []
    for (let index = 0; index < count; index++) items.push(this.#value())
    this.#depth--
    return items
  }

  #map(count: number): Record<string, unknown> {
    this.#enter(count * 2)
    const object: Record<string, unknown> = {}
    for (let index = 0; index < count; index++) {
      const key = this.#value()
      if (typeof key !== 'string') throw this.#malformed('a key that is not text')
      const value = this.#value()
      // Assigned, it would set the prototype.
      if (key === '__proto__') Object.defineProperty(object, key, { value, ...ORDINARY })
      else object[key] = value
    }
    this.#depth--
    return object
  }

  #enter(values: number): void {
    if (++this.#depth > MAX_JSON_DEPTH) throw this.#malformed(`it is nested deeper than ${MAX_JSON_DEPTH} levels`)
    if (values > this.#bytes.byteLength - this.#at)
      throw this.#malformed('it is to hold more values than there are bytes')
  }

  #text(size: number): string {
    const bytes = this.#take(size)
    try {
      return UTF8.decode(bytes)
    } catch {
      throw this.#malformed('a text that is not valid UTF-8')
    }
  }

  #extension(size: number): Date {
    const type = this.#take(1).readInt8()
    if (type !== TIMESTAMP) throw this.#malformed(`an extension of type ${type}, which is not read`)
    const epochMs = epochMsOf(this.#take(size))
    const date = new Date(epochMs)
    if (Number.isNaN(date.getTime())) throw this.#malformed('a timestamp that is none')
    return date
  }

  #unsigned(size: number): number {
    return this.#take(size).readUIntBE(0, size)
  }

  #take(size: number): Buffer {
    const end = this.#at + size
    if (end > this.#bytes.byteLength) throw this.#malformed('the bytes end too early')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  #malformed(reason: string): MalformedBodyError {
    return new MalformedBodyError(`is not msgpack: at byte ${this.#at}, ${reason}`)
  }
}

/** NaN for a timestamp that is none. */
function epochMsOf(data: Buffer): number {
  switch (data.byteLength) {
    case 4:
      return data.readUInt32BE() * 1000
    case 8: {
      const both = data.readBigUInt64BE()
      return joined(Number(both & 0x3ffffffffn), Number(both >> 34n))
    }
    case 12:
      return joined(Number(data.readBigInt64BE(4)), data.readUInt32BE())
    default:
      return Number.NaN
  }
}

function joined(seconds: number, nanoseconds: number): number {
  return nanoseconds < 1e9 ? seconds * 1000 + Math.floor(nanoseconds / 1e6) : Number.NaN
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const TIMESTAMP = -1
const ORDINARY = { writable: true, enumerable: true, configurable: true }
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
