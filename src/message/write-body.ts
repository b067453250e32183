/** A body on its way out: serialised, signed, compressed, in this order. */
import { COMPRESSIONS, type CompressionName, compress } from './compression.ts'
import { type PlainSerializer, SERIALIZERS, type SerializerName, serialize } from './serializers.ts'
import type { Security } from './signing.ts'
import { UnencodableError } from './wire-json.ts'
import { MAX_YAML_BYTES } from './wire-yaml-decode.ts'

/** How a body is written. */
export interface Writing {
  readonly serializer: SerializerName
  readonly compression: CompressionName | null
  /** Signs; has to be there for the serializer `auth`. */
  readonly security: Security | null
  /** The most the arguments may take, serialised and not compressed yet: so much their reader has to hold. */
  readonly maxBytes: number
}

export const PLAIN_JSON: Writing = {
  serializer: 'json',
  compression: null,
  security: null,
  maxBytes: Number.POSITIVE_INFINITY,
}

export interface WrittenBody {
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Uint8Array
  /** For the header `compression`; `null` where it is not compressed. */
  readonly compression: string | null
}

export class BodyTooLargeError extends Error {
  readonly sizeBytes: number
  readonly maxBytes: number

  constructor(sizeBytes: number, maxBytes: number) {
    super(`The body takes ${sizeBytes} bytes, more than ${maxBytes}`)
    this.name = 'BodyTooLargeError'
    this.sizeBytes = sizeBytes
    this.maxBytes = maxBytes
  }
}

/**
 * Writes a body that is given as JSON text.
 *
 * @throws BodyTooLargeError over `maxBytes`, and for YAML over what is read of it.
 * @throws UnencodableError for what the serializer cannot carry.
 * @throws SigningError where the certificate is out of date.
 */
export function writeBody(json: string, writing: Writing, nowMs: number): WrittenBody {
  const { serializer, compression, security } = writing
  const content = signedOrPlain(json, writing, nowMs)
  const isYaml = (serializer === 'auth' ? security?.serializer : serializer) === 'yaml'
  const maxBytes = isYaml ? Math.min(writing.maxBytes, MAX_YAML_BYTES) : writing.maxBytes
  if (content.plainBytes > maxBytes) throw new BodyTooLargeError(content.plainBytes, maxBytes)
  const { contentType, contentEncoding } = SERIALIZERS[serializer]
  return {
    contentType,
    contentEncoding,
    body: compression === null ? content.body : compress(content.body, compression),
    compression: compression === null ? null : COMPRESSIONS[compression],
  }
}

function signedOrPlain(json: string, { serializer, security }: Writing, nowMs: number) {
  if (serializer !== 'auth') {
    const body = serialized(json, serializer)
    return { body, plainBytes: body.byteLength }
  }
  if (security === null) throw new TypeError('A body cannot be signed without key and certificate')
  const plain = serialized(json, security.serializer)
  return { body: security.sign(plain, nowMs), plainBytes: plain.byteLength }
}

function serialized(json: string, serializer: PlainSerializer): Uint8Array {
  try {
    return serialize(json, serializer, 'body')
  } catch (error) {
    if (!(error instanceof UnencodableError)) throw error
    // The caller knows the parts of a body by their names.
    const path = error.path.replace(/^body\[0\]/, 'args').replace(/^body\[1\]/, 'kwargs')
    throw new UnencodableError(path, error.reason)
  }
}
