/**
 * Values to payloads and back. Bytes travel as they are; everything else in MessagePack with the reach of a structured
 * clone: Map, Set, Date, BigInt, typed arrays, errors, cycles. No functions, no symbols.
 */
import { Packr } from 'msgpackr'
import type { Payload } from './frame.ts'

/** @throws TypeError or RangeError for what cannot be written: a function, a symbol, a throwing getter, too deep. */
export function encodePayload(value: unknown): Payload {
  if (value instanceof Uint8Array) return { encoding: 'bytes', bytes: value }
  return { encoding: 'msgpack', bytes: packr.pack(value) }
}

/** @throws Error for bytes that are not what they claim to be. */
export function decodePayload(payload: Payload): unknown {
  switch (payload.encoding) {
    case 'none':
      return undefined
    case 'bytes':
      return payload.bytes
    case 'msgpack':
      return packr.unpack(payload.bytes)
  }
}

const packr = new Packr({ structuredClone: true })

// msgpackr writes a function as undefined unless it is given a writer: a result would lose a part in silence.
Object.assign(packr, {
  writeFunction: (fn: { readonly name: string }) => {
    throw new TypeError(`A function${fn.name ? ` (${fn.name})` : ''} cannot leave its process`)
  },
})
