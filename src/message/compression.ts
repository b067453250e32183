import * as zlib from 'node:zlib'

/** The name Celery knows gzip by. The bytes are a zlib stream (RFC 1950), not a gzip file. */
export const GZIP = 'application/x-gzip'
/** A bound on what a few bytes can grow to. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/** Compressed bytes that cannot be had back. `reason` says why, as the end of a sentence. */
export class UnreadableCompressionError extends Error {
  readonly reason: string

  constructor(reason: string, options?: { readonly cause: unknown }) {
    super(`Cannot decompress: the body ${reason}`, options)
    this.name = 'UnreadableCompressionError'
    this.reason = reason
  }
}

/** For a body that says {@link GZIP} in its header `compression`. */
export function compress(body: Uint8Array): Uint8Array {
  return zlib.deflateSync(body)
}

/**
 * The bytes that `method` (the header `compression`, a content type or kombu's short name for it) made into `body`.
 *
 * @throws UnreadableCompressionError for a method unknown here, damaged bytes, and more than `maxBytes` of output.
 */
export function decompress(body: Uint8Array, method: string, maxBytes: number = DEFAULT_MAX_BYTES): Uint8Array {
  const inflate = decoderOf(method)
  try {
    return inflate(body, { maxOutputLength: maxBytes })
  } catch (cause) {
    const grows = (cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
    const reason = grows ? `decompresses to more than ${maxBytes} bytes` : `is damaged: it is no ${method} stream`
    throw new UnreadableCompressionError(reason, { cause })
  }
}

type Decoder = (body: Uint8Array, options: { maxOutputLength: number }) => Uint8Array

function decoderOf(method: string): Decoder {
  switch (method) {
    case GZIP:
    case 'gzip':
    case 'zlib':
      return zlib.inflateSync
    case 'application/x-brotli':
    case 'brotli':
      return zlib.brotliDecompressSync
    case 'application/zstd':
    case 'zstd':
    case 'zstandard':
      return zstdDecoder()
    case 'application/x-bz2':
    case 'bzip2':
    case 'bzip':
    case 'application/x-lzma':
    case 'lzma':
    case 'xz':
      throw new UnreadableCompressionError(`is compressed with ${method}, which Node cannot read: use gzip`)
    default:
      throw new UnreadableCompressionError(`is compressed with a method unknown here: use gzip`)
  }
}

function zstdDecoder(): Decoder {
  const decoder = (zlib as { zstdDecompressSync?: Decoder }).zstdDecompressSync
  if (decoder !== undefined) return decoder
  throw new UnreadableCompressionError(
    `is compressed with zstd, which Node ${process.versions.node} cannot read: use Node 22.15 or newer, or gzip`,
  )
}
