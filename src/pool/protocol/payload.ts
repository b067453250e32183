/**
 * Values to payloads and back. Bytes and long ASCII texts travel as they are; everything else in MessagePack with the
 * reach of a structured clone: Map, Set, Date, BigInt, typed arrays, errors (name, message, cause), cycles. What would
 * lose a part on the way is refused: functions, symbols, promises, weak collections, iterators, boxed primitives, and
 * shared memory except between threads of one process.
 */
import { types } from 'node:util'
import { Packr, RESET_BUFFER_MODE } from 'msgpackr/pack'
import { Unpackr } from 'msgpackr/unpack'
import type { Payload } from './frame.ts'
import { isShared, readingMemory, writingMemory } from './shared-memory.ts'

/**
 * A copy of the value: what its owner does to it later does not reach the payload. With `sharesMemory` shared memory is
 * not copied but passed on as it is; without, it is refused.
 *
 * @throws TypeError or RangeError for what cannot be written: a function, a symbol, a throwing getter, too deep.
 */
export function encodePayload(value: unknown, sharesMemory = false): Payload {
  if (value instanceof Uint8Array && !isShared(value)) return { encoding: 'bytes', bytes: copyOf(value) }
  if (isLongAscii(value)) return { encoding: 'ascii', bytes: Buffer.from(value, 'latin1') }
  const shared: object[] | null = sharesMemory ? [] : null
  const bytes = packed(value, shared, pack)
  return shared === null || shared.length === 0
    ? { encoding: 'msgpack', bytes }
    : { encoding: 'msgpack', bytes, shared }
}

/**
 * For whoever has written or copied the payload before anything else happens: before the next value is encoded, and
 * before the value's owner can touch it. Bytes stay where they are, all else is in memory that is used again. Shared
 * memory is refused.
 *
 * @throws TypeError or RangeError as `encodePayload`.
 */
export function lendPayload(value: unknown): Payload {
  if (value instanceof Uint8Array && !isShared(value))
    return { encoding: 'bytes', bytes: asBuffer(value), isLent: true }
  if (isLongAscii(value)) return { encoding: 'ascii', bytes: written(value), isLent: true }
  return { encoding: 'msgpack', bytes: packed(value, null, packAgain), isLent: true }
}

/** The payload, in memory of its own if it was lent. */
export function keepPayload(payload: Payload): Payload {
  return payload.isLent ? { encoding: payload.encoding, bytes: copyOf(payload.bytes) } : payload
}

/**
 * The value, in memory of its own. Bytes come as a `Buffer`.
 *
 * @throws Error for bytes that are not what they claim to be.
 */
export function decodePayload(payload: Payload): unknown {
  switch (payload.encoding) {
    case 'none':
      return undefined
    case 'bytes':
      return payload.isOwn ? asBuffer(payload.bytes) : copyOf(payload.bytes)
    case 'ascii':
      return asBuffer(payload.bytes).toString('latin1')
    case 'msgpack':
      return readingMemory(payload.shared, payload.bytes, unpack)
  }
}

const LONG_TEXT = 64 * 1024
/** What is kept for the next value; more would stay with this process for one that needed it. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024
const FIRST_BYTES = 8 * 1024
const MANY_BYTES = 4 * 1024 * 1024

// Reading never learns from what was written: a stranger's record definitions must not meet ours.
const unpackr = new Unpackr({ structuredClone: true, copyBuffers: true })
let packr = createPackr()
let textRoom = Buffer.alloc(0)
const pack = (value: unknown): Buffer => packr.pack(value)
const packAgain = (value: unknown): Buffer => packr.pack(value, RESET_BUFFER_MODE)

let slowBytes = 0

function unpack(bytes: Uint8Array): unknown {
  if (slowBytes < MANY_BYTES) {
    slowBytes += bytes.length
    if (slowBytes >= MANY_BYTES) accelerate()
  }
  return unpackr.unpack(bytes)
}

/**
 * msgpackr has native code that reads texts three times as fast. To load it takes 20 ms of every start of a process, so
 * only one that reads much does: its entry for Node gives it to the one that is used here.
 */
function accelerate(): void {
  import('msgpackr').catch(() => {})
}

function createPackr(): Packr {
  const created = new Packr({ structuredClone: true, useRecords: refuseOpaque })
  // msgpackr writes a function as undefined unless it is given a writer: a result would lose a part in silence.
  return Object.assign(created, {
    writeFunction: (fn: { readonly name: string }) => {
      throw new TypeError(`A function${fn.name ? ` (${fn.name})` : ''} cannot leave its process`)
    },
  })
}

/** Called for every object that would be written by its fields; true lets it. */
function refuseOpaque(object: object): boolean {
  // Not its `constructor`: an iterator of Node 20 inherits that of plain objects.
  if (Object.getPrototypeOf(object) === Object.prototype) return true
  const opaque = OPAQUE.find(([isOne]) => isOne(object))
  if (opaque === undefined) return true
  throw new TypeError(`${opaque[1]} cannot leave its process`)
}

// Of arrays, maps, sets, texts and generators alike; it has no name of its own in Node 20.
const ITERATOR: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))

const OPAQUE: readonly (readonly [(value: unknown) => boolean, string])[] = [
  [types.isPromise, 'A promise'],
  [types.isWeakMap, 'A WeakMap'],
  [types.isWeakSet, 'A WeakSet'],
  [(value) => value instanceof WeakRef, 'A WeakRef'],
  [types.isGeneratorObject, 'A generator'],
  [(value) => Object.prototype.isPrototypeOf.call(ITERATOR, value as object), 'An iterator'],
  [types.isBoxedPrimitive, 'A boxed primitive'],
  [types.isExternal, 'A native object'],
]

function packed(value: unknown, shared: object[] | null, write: typeof pack): Buffer {
  try {
    const bytes = writingMemory(shared, value, write)
    if (bytes.length > MAX_KEPT_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(FIRST_BYTES))
    return bytes
  } catch (error) {
    // A value that was written half may have left record definitions behind that a later reader would not know.
    packr = createPackr()
    throw error
  }
}

/** New memory costs several times what the writing does. */
function written(text: string): Buffer {
  if (text.length > MAX_KEPT_BYTES) return Buffer.from(text, 'latin1')
  if (textRoom.length < text.length) textRoom = Buffer.allocUnsafeSlow(text.length)
  return textRoom.subarray(0, textRoom.write(text, 'latin1'))
}

/** Where a text's bytes are its characters, neither side has to look at them one by one. */
function isLongAscii(value: unknown): value is string {
  return typeof value === 'string' && value.length >= LONG_TEXT && Buffer.byteLength(value) === value.length
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

// Not Buffer.from(): for small ones it hands out a part of memory shared with other buffers.
function copyOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}
