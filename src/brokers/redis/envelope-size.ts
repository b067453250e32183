/**
 * How large an envelope may be that this process reads. Reading holds up the worker's event loop, and so its leases:
 * a text of many megabytes takes moments, as many megabytes of small values take a minute.
 */
import type { CaromError } from '../../errors.ts'
import { invalidMessage } from '../../message/invalid-message.ts'

/** Beside the body, which is one text. */
const MAX_BESIDE_BYTES = 1024 * 1024
/** The largest body that an app may send is one of 64 MiB; here in base64. */
const MAX_BODY_BYTES = (64 * 1024 * 1024 * 4) / 3
export const MAX_ENVELOPE_BYTES = Math.ceil(MAX_BODY_BYTES) + MAX_BESIDE_BYTES
/** What is read of a larger one. */
export const HEAD_BYTES = 4096

/**
 * Why an envelope is not to be read, or `null`. Itself it takes time for a megabyte and for one text.
 *
 * @param bytes its length, where `envelope` is only the beginning of it.
 */
export function oversize(envelope: Uint8Array, bytes = envelope.byteLength): CaromError | null {
  if (bytes > MAX_ENVELOPE_BYTES) {
    return invalidMessage({}, 'envelope', `has ${bytes} bytes, more than ${MAX_ENVELOPE_BYTES}`)
  }
  if (bytes <= MAX_BESIDE_BYTES || !hasMuchBeside(envelope)) return null
  return invalidMessage({}, 'envelope', `has more than ${MAX_BESIDE_BYTES} bytes beside its longest text`)
}

/** Whether more than the bound lies outside the longest JSON text. Of malformed JSON it is right up to the mistake. */
function hasMuchBeside(envelope: Uint8Array): boolean {
  let beside = 0
  let longest = 0
  for (let at = 0; at < envelope.byteLength && beside <= MAX_BESIDE_BYTES; ) {
    const start = envelope.indexOf(QUOTE, at)
    // Without another text all the rest is beside.
    if (start === -1) return beside + envelope.byteLength - at > MAX_BESIDE_BYTES
    const end = endOfText(envelope, start + 1)
    const length = end - start - 1
    beside += start - at + 2 + Math.min(length, longest)
    longest = Math.max(length, longest)
    at = end + 1
  }
  return beside > MAX_BESIDE_BYTES
}

/** The quote that ends a text. */
function endOfText(envelope: Uint8Array, start: number): number {
  const quote = envelope.indexOf(QUOTE, start)
  // As in base64, where there is nothing to be escaped.
  if (quote === -1 || envelope[quote - 1] !== BACKSLASH) return quote === -1 ? envelope.byteLength : quote
  let at = start
  while (at < envelope.byteLength && envelope[at] !== QUOTE) at += envelope[at] === BACKSLASH ? 2 : 1
  return Math.min(at, envelope.byteLength)
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
