/** From the bytes of a message to what they say. Everything here is a stranger's, and is refused by name when wrong. */
import { DEFAULT_MAX_BYTES, decompress, UnreadableCompressionError } from './compression.ts'
import type { UncheckedMessage } from './headers.ts'
import { invalidMessage, quoted } from './invalid-message.ts'
import { decodeWireJson, MalformedJsonError } from './wire-json.ts'

/** The only content type that is read and written. */
export const JSON_CONTENT_TYPE = 'application/json'

export interface ReadOptions {
  /** The most a body may be, after decompression. @default 67108864 (64 MiB) */
  readonly maxBytes?: number
}

/**
 * The decoded body, of whatever shape.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID` for another content type (pickle always: reading it runs its sender's
 *   code), another encoding, damaged or oversized bytes, and text that is no JSON.
 */
export function decodeBody(message: UncheckedMessage, options: ReadOptions = {}): unknown {
  checkContent(message)
  const text = decodeText(message, decompressed(message, options.maxBytes ?? DEFAULT_MAX_BYTES))
  try {
    return decodeWireJson(text)
  } catch (cause) {
    if (!(cause instanceof MalformedJsonError)) throw cause
    const problem = text === '' ? 'is empty' : `is not JSON: at position ${cause.position}, ${cause.reason}`
    throw invalidMessage(message.headers, 'body', problem, { cause })
  }
}

function checkContent(message: UncheckedMessage): void {
  const { contentType, headers } = message
  if (contentType !== JSON_CONTENT_TYPE) {
    const why = REFUSED.get(contentType) ?? 'it is not a type that is read here'
    const problem = `${quoted(contentType)} is refused, ${why}: only ${JSON_CONTENT_TYPE} is accepted`
    throw invalidMessage(headers, 'content-type', problem)
  }
  // Kombu takes JSON for UTF-8 whatever the encoding says; these say so, or say nothing.
  if (ENCODINGS.has(message.contentEncoding.toLowerCase())) return
  throw invalidMessage(headers, 'content-encoding', `${quoted(message.contentEncoding)} is refused, JSON is utf-8`)
}

function decompressed(message: UncheckedMessage, maxBytes: number): Uint8Array {
  const { body, headers } = message
  const method = headers.compression
  if (method === undefined || method === null || method === '') {
    if (body.byteLength <= maxBytes) return body
    throw invalidMessage(headers, 'body', `has ${body.byteLength} bytes, more than the ${maxBytes} that are read`)
  }
  if (typeof method !== 'string') throw invalidMessage(headers, 'headers.compression', 'is not a string')
  try {
    return decompress(body, method, maxBytes)
  } catch (cause) {
    if (!(cause instanceof UnreadableCompressionError)) throw cause
    throw invalidMessage(headers, 'body', `${cause.reason} (header compression ${quoted(method)})`, { cause })
  }
}

function decodeText(message: UncheckedMessage, bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw invalidMessage(message.headers, 'body', 'is not valid UTF-8', { cause })
  }
}

// A byte order mark stays, and is refused as JSON refuses it: Python does the same.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const ENCODINGS = new Set(['utf-8', 'utf8', 'ascii', 'us-ascii', 'binary', ''])
const PICKLE = 'reading a pickle runs code of its sender'
const REFUSED = new Map([
  ['application/x-python-serialize', PICKLE],
  ['application/x-python', PICKLE],
  ['pickle', PICKLE],
  ['application/x-yaml', 'reading YAML can run code of its sender'],
  ['application/data', 'it is either raw bytes or signed by the serializer "auth", which is not read here'],
])
