/** From the bytes of a message to what they say. Everything here is a stranger's, and is refused by name when wrong. */
import { DEFAULT_MAX_BYTES, decompress, UnreadableCompressionError, whyNotDecompress } from './compression.ts'
import type { UncheckedMessage } from './headers.ts'
import { invalidMessage, kindOf, type MessageNames, quoted } from './invalid-message.ts'
import { MalformedBodyError } from './malformed-body.ts'
import { AUTH_CONTENT_TYPE, isPickle, JSON_CONTENT_TYPE, SERIALIZERS, TEXT_CONTENT_TYPE } from './serializers.ts'
import { type Security, UnverifiedError } from './signing.ts'
import { decodeWireJson, MalformedJsonError } from './wire-json.ts'
import { decodeMsgpack } from './wire-msgpack-decode.ts'
import { decodeYaml } from './wire-yaml-decode.ts'

export interface ReadOptions {
  /** The most a body may be, after decompression. @default 67108864 (64 MiB) */
  readonly maxBytes?: number | undefined
  /** The content types that are read. @default `application/json` alone */
  readonly accept?: ReadonlySet<string> | undefined
  /** Whose signatures are believed. Without it `application/data` is raw bytes, where it is accepted at all. */
  readonly security?: Security | null | undefined
}

/** What is wrong with a message, before it is known what becomes of it. */
export interface Refusal {
  readonly field: string
  readonly problem: string
}

/**
 * Why a message is not even tried, by what it says of its body: a content type that is not in `accept` (pickle never is),
 * an encoding or a compression that is not read here. Decodes nothing. `null` for one whose body decides.
 */
export function refusalOf(message: UncheckedMessage, accept: ReadonlySet<string> = JSON_ONLY): Refusal | null {
  const { contentType, contentEncoding, headers } = message
  if (!accept.has(contentType)) return { field: 'content-type', problem: unaccepted(contentType, accept) }
  // Kombu looks at the encoding of raw text alone; everybody else says utf-8 or binary, or says nothing.
  if (!ENCODINGS.has(contentEncoding.toLowerCase())) {
    return { field: 'content-encoding', problem: `${quoted(contentEncoding)} is refused: text is utf-8` }
  }
  const { compression } = headers
  if (!isGiven(compression)) return null
  if (typeof compression !== 'string') {
    return { field: 'headers.compression', problem: `is ${kindOf(compression)}, expected a string or null` }
  }
  const reason = whyNotDecompress(compression)
  return reason === null ? null : { field: 'body', problem: `${reason} (header compression ${quoted(compression)})` }
}

/**
 * The decoded body, of whatever shape.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID` for what {@link refusalOf} refuses, damaged or oversized bytes, bytes that
 *   are not what the content type says, and a signature that does not hold.
 */
export function decodeBody(message: UncheckedMessage, options: ReadOptions = {}): unknown {
  const { headers } = message
  const refusal = refusalOf(message, options.accept)
  if (refusal !== null) throw invalidMessage(headers, refusal.field, refusal.problem)
  const body = decompressed(message, options.maxBytes ?? DEFAULT_MAX_BYTES)
  if (body.byteLength === 0) throw invalidMessage(headers, 'body', 'is empty')
  const { contentType, contentEncoding } = message
  const { security } = options
  if (contentType !== AUTH_CONTENT_TYPE || security === undefined || security === null) {
    return deserialize(headers, { contentType, contentEncoding, body })
  }
  const signed = verified(headers, security, body)
  if (signed.contentType === JSON_CONTENT_TYPE) return deserialize(headers, signed)
  // The signature does not cover what the body calls itself: so nothing but what this side writes as well.
  if (signed.contentType === SERIALIZERS[security.serializer].contentType) return deserialize(headers, signed)
  throw invalidMessage(headers, 'body', `is signed, but ${quoted(signed.contentType)} in it is refused`)
}

interface Content {
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Uint8Array
}

function deserialize(names: MessageNames, { contentType, contentEncoding, body }: Content): unknown {
  switch (contentType) {
    case SERIALIZERS.msgpack.contentType:
      return parsed(names, () => decodeMsgpack(body))
    case SERIALIZERS.yaml.contentType:
      return parsed(names, () => decodeYaml(decodeText(names, body)))
    case AUTH_CONTENT_TYPE:
      return contentEncoding.toLowerCase() === 'binary' ? new Uint8Array(body) : decodeText(names, body)
    case TEXT_CONTENT_TYPE:
      return decodeText(names, body)
    default:
      return parsed(names, () => decodeWireJson(decodeText(names, body)))
  }
}

function parsed(names: MessageNames, parse: () => unknown): unknown {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof MalformedBodyError) throw invalidMessage(names, 'body', cause.reason, { cause })
    if (!(cause instanceof MalformedJsonError)) throw cause
    const problem = `is not JSON: at position ${cause.position}, ${cause.reason}`
    throw invalidMessage(names, 'body', problem, { cause })
  }
}

function verified(names: MessageNames, security: Security, body: Uint8Array): Content {
  try {
    return security.verify(body, Date.now())
  } catch (cause) {
    if (!(cause instanceof UnverifiedError)) throw cause
    throw invalidMessage(names, 'body', cause.reason, { cause })
  }
}

function unaccepted(contentType: string, accept: ReadonlySet<string>): string {
  const why = isPickle(contentType) ? 'reading a pickle runs code of its sender' : 'it is not listed in acceptContent'
  return `${quoted(contentType)} is refused, ${why}: only ${[...accept].join(', ')} is accepted`
}

function decompressed(message: UncheckedMessage, maxBytes: number): Uint8Array {
  const { body, headers } = message
  const method = headers.compression
  if (!isGiven(method)) {
    if (body.byteLength <= maxBytes) return body
    throw invalidMessage(headers, 'body', `has ${body.byteLength} bytes, more than the ${maxBytes} that are read`)
  }
  try {
    return decompress(body, String(method), maxBytes)
  } catch (cause) {
    if (!(cause instanceof UnreadableCompressionError)) throw cause
    throw invalidMessage(headers, 'body', `${cause.reason} (header compression ${quoted(String(method))})`, { cause })
  }
}

function isGiven(compression: unknown): boolean {
  return compression !== undefined && compression !== null && compression !== ''
}

function decodeText(names: MessageNames, bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw invalidMessage(names, 'body', 'is not valid UTF-8', { cause })
  }
}

// A byte order mark stays, and is refused as JSON refuses it: Python does the same.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const ENCODINGS = new Set(['utf-8', 'utf8', 'ascii', 'us-ascii', 'binary', ''])
const JSON_ONLY: ReadonlySet<string> = new Set([JSON_CONTENT_TYPE])
