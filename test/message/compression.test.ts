import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as zlib from 'node:zlib'
import { compress, decompress, GZIP, UnreadableCompressionError } from '../../src/message/compression.ts'

const plain = Buffer.from(JSON.stringify([[2, 3], {}, {}]))

test('compress() makes the zlib stream that Celery calls gzip', () => {
  const bytes = compress(plain)
  assert.equal(bytes[0], 0x78)
  for (const name of [GZIP, 'gzip', 'zlib']) assert.deepEqual(Buffer.from(decompress(bytes, name)), plain)
})

test('decompress() reads brotli, and zstd where Node has it', () => {
  const brotli = zlib.brotliCompressSync(plain)
  for (const name of ['application/x-brotli', 'brotli']) assert.deepEqual(decompress(brotli, name), plain)
  // "[[2, 3], {}, {}]" without spaces, as one raw block.
  const zstd = Buffer.concat([Buffer.from('28b52ffd20', 'hex'), Buffer.from([plain.length]), blockHeader(plain), plain])
  if ('zstdDecompressSync' in zlib) assert.deepEqual(decompress(zstd, 'application/zstd'), plain)
  else assert.throws(() => decompress(zstd, 'zstd'), /Node 22\.15 or newer/)
})

test('decompress() says what it cannot read', () => {
  const cases: [Uint8Array, string, RegExp][] = [
    [plain, 'application/x-bz2', /bz2, which Node cannot read/],
    [plain, 'xz', /xz, which Node cannot read/],
    [plain, 'rot13', /unknown here/],
    [plain, 'constructor', /unknown here/],
    [plain, 'gzip', /damaged/],
    [new Uint8Array(), 'gzip', /damaged/],
    [compress(plain).subarray(0, 10), 'gzip', /damaged/],
    [zlib.gzipSync(plain), 'gzip', /damaged/],
    [plain, 'brotli', /damaged/],
  ]
  for (const [bytes, method, reason] of cases) {
    assert.throws(
      () => decompress(bytes, method),
      (error) => error instanceof UnreadableCompressionError && reason.test(error.reason),
      `${method} ${reason}`,
    )
  }
})

test('decompress() stops at maxBytes', () => {
  const million = Buffer.alloc(1_000_000)
  for (const [bytes, method] of [
    [compress(million), 'gzip'],
    [zlib.brotliCompressSync(million), 'brotli'],
  ] as const) {
    assert.equal(decompress(bytes, method, 1_000_000).byteLength, 1_000_000)
    assert.throws(() => decompress(bytes, method, 999_999), /more than 999999 bytes/)
  }
})

function blockHeader(block: Uint8Array): Uint8Array {
  const header = (block.length << 3) | 1
  return new Uint8Array([header & 255, (header >> 8) & 255, header >> 16])
}
