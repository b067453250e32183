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

/** What a body can be compressed with. Celery's names, in options and in signatures. */
export type CompressionName = 'gzip' | 'brotli' | 'zstd'

/** What each is called in the header `compression`. */
export const COMPRESSIONS: Readonly<Record<CompressionName, string>> = {
  gzip: GZIP,
  brotli: 'application/x-brotli',
  zstd: 'application/zstd',
}

/** The compression that Celery knows as `name`, also by its content type; `null` for none that is written here. */
export function compressionNamed(name: string): CompressionName | null {
  if (name === 'zlib') return 'gzip'
  const names = Object.keys(COMPRESSIONS) as CompressionName[]
  return names.find((known) => known === name || COMPRESSIONS[known] === name) ?? null
}

/** Why this Node cannot compress with `name`, as the end of a sentence; `null` where it can. */
export function whyNotCompress(name: CompressionName): string | null {
  return name === 'zstd' && zstd.zstdCompressSync === undefined ? NO_ZSTD : null
}

/**
 * For a body that says so in its header `compression`.
 *
 * @throws RangeError where {@link whyNotCompress} gives a reason.
 */
export function compress(body: Uint8Array, name: CompressionName = 'gzip'): Uint8Array {
  switch (name) {
    case 'gzip':
      return zlib.deflateSync(body)
    case 'brotli':
      return zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } })
    case 'zstd':
      if (zstd.zstdCompressSync === undefined) throw new RangeError(`Cannot compress with zstd: ${NO_ZSTD}`)
      // Python reads no frame that does not say how long its content is.
      return zstd.zstdCompressSync(body, { pledgedSrcSize: body.byteLength })
  }
}

/**
 * The bytes that `method` (the header `compression`, a content type or kombu's short name for it) made into `body`.
 *
 * @throws UnreadableCompressionError for a method unknown here, damaged bytes, and more than `maxBytes` of output.
 */
export function decompress(body: Uint8Array, method: string, maxBytes: number = DEFAULT_MAX_BYTES): Uint8Array {
  const inflate = decoderOf(method)
  if (typeof inflate === 'string') throw new UnreadableCompressionError(inflate)
  try {
    return inflate(body, { maxOutputLength: maxBytes })
  } catch (cause) {
    const grows = (cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
    const reason = grows ? `decompresses to more than ${maxBytes} bytes` : `is damaged: it is no ${method} stream`
    throw new UnreadableCompressionError(reason, { cause })
  }
}

/** Why nothing is read that was compressed with `method`, as the end of a sentence; `null` where it is tried. */
export function whyNotDecompress(method: string): string | null {
  const decoder = decoderOf(method)
  return typeof decoder === 'string' ? decoder : null
}

type Decoder = (body: Uint8Array, options: { maxOutputLength: number }) => Uint8Array

function decoderOf(method: string): Decoder | string {
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
      return zstd.zstdDecompressSync ?? `is compressed with zstd, ${NO_ZSTD}`
    case 'application/x-bz2':
    case 'bzip2':
    case 'bzip':
    case 'application/x-lzma':
    case 'lzma':
    case 'xz':
      return `is compressed with ${method}, which Node cannot read: use gzip`
    default:
      return 'is compressed with a method unknown here: use gzip'
  }
}

/** In Node 22.15 and newer; the type library that this is compiled with does not know them. */
const zstd = zlib as {
  readonly zstdDecompressSync?: Decoder
  readonly zstdCompressSync?: (body: Uint8Array, options: { pledgedSrcSize: number }) => Uint8Array
}
const NO_ZSTD = `which Node ${process.versions.node} does not have: use Node 22.15 or newer, or gzip`
// The best one, 11, takes a hundred times as long for a tenth less.
const BROTLI_QUALITY = 5
