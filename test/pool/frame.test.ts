import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  EMPTY,
  type Encoding,
  type Frame,
  FrameError,
  FrameReader,
  HEADER_BYTES,
} from '../../src/pool/protocol/frame.ts'
import { toBytes } from './frames.ts'

const LIMIT = 1024 * 1024

const frames = fc.array(
  fc.record({
    type: fc.nat(255),
    job: fc.nat({ max: 2 ** 48 - 1 }),
    generation: fc.nat({ max: 2 ** 32 - 1 }),
    amount: fc.nat({ max: 2 ** 32 - 1 }),
    payload: fc.record({
      encoding: fc.constantFrom<Encoding>('none', 'bytes', 'msgpack', 'ascii'),
      bytes: fc.uint8Array({ maxLength: 300 }),
    }),
  }),
  { minLength: 1, maxLength: 20 },
)

test('Frames come out whole and in order, however the stream is cut into chunks', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat({ max: 6_000 })), (sent, cuts) => {
      assert.deepEqual(plain(read(chunksOf(toBytes(sent), cuts))), plain(sent))
    }),
    { numRuns: 500 },
  )
})

test('Frames come out whole when each byte comes alone', () => {
  fc.assert(
    fc.property(frames, (sent) => {
      const bytes = toBytes(sent)
      const chunks = Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1))
      assert.deepEqual(plain(read(chunks)), plain(sent))
    }),
    { numRuns: 50 },
  )
})

test('A large payload crosses chunk boundaries unchanged', () => {
  const bytes = Buffer.alloc(900_000, 'carom')
  const sent = [frameOf({ payload: { encoding: 'bytes', bytes } }), frameOf({ job: 2 })]
  const stream = toBytes(sent)
  const chunks: Buffer[] = []
  for (let at = 0; at < stream.length; at += 65_536) chunks.push(stream.subarray(at, at + 65_536))
  assert.deepEqual(plain(read(chunks)), plain(sent))
})

test('What a large frame lacks is read into its place, however little of it has come', () => {
  const bytes = Buffer.from(Array.from({ length: LIMIT }, (_, at) => at % 251))
  const sent = [frameOf({ job: 1, payload: { encoding: 'bytes', bytes } }), frameOf({ job: 2 })]
  for (const [chunkBytes, mostAtOnce] of [
    [1_000, LIMIT],
    [65_536, 200_000],
    [65_536, 0],
    [700_000, 1],
  ] as const) {
    const stream = toBytes(sent)
    const seen: Frame[] = []
    const reader = new FrameReader(LIMIT)
    let at = 0
    const readInto = (room: Buffer) => {
      assert.ok(at + room.length <= HEADER_BYTES + LIMIT, 'no more than the frame lacks is asked for')
      const read = stream.copy(room, 0, at, Math.min(at + mostAtOnce, at + room.length))
      at += read
      return read
    }
    while (at < stream.length) {
      const chunk = stream.subarray(at, at + chunkBytes)
      at += chunk.length
      reader.push(chunk, (frame) => seen.push(frame), readInto)
    }
    assert.deepEqual(plain(seen), plain(sent))
  }
})

test('A frame without a payload is complete with its header', () => {
  const [frame, ...more] = read([toBytes([frameOf({})])])
  assert.deepEqual([frame?.payload.encoding, frame?.payload.bytes.length, more.length], ['none', 0, 0])
})

test('A truncated frame gives nothing, and the frames before it', () => {
  fc.assert(
    fc.property(frames, fc.nat(), (sent, seed) => {
      const last = toBytes(sent.slice(-1))
      const bytes = Buffer.concat([toBytes(sent.slice(0, -1)), last.subarray(0, seed % last.length)])
      assert.deepEqual(plain(read([bytes])), plain(sent.slice(0, -1)))
    }),
    { numRuns: 200 },
  )
})

for (const [what, at, value] of [
  ['another magic', 0, 0xcb],
  ['another magic (its second byte)', 1, 0x21],
  ['another version', 2, 3],
  ['an unknown encoding', 22, 4],
  ['a set bit where none belongs', 23, 1],
] as const) {
  test(`A header with ${what} ends the stream after the frames before it, also byte by byte`, () => {
    const good = toBytes([frameOf({ job: 1 })])
    const bad = toBytes([frameOf({ job: 2 })])
    bad[at] = value
    for (const size of [1, 7, 1_000]) {
      const stream = Buffer.concat([good, bad, good])
      const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, nth) =>
        stream.subarray(nth * size, (nth + 1) * size),
      )
      const seen: Frame[] = []
      assert.throws(() => read(chunks, seen), FrameError)
      assert.deepEqual(plain(seen), plain([frameOf({ job: 1 })]))
    }
  })
}

test('Any garbage is refused or waits for more, and never makes a frame', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: HEADER_BYTES, maxLength: 200 }), (garbage) => {
      fc.pre(garbage[0] !== 0xca || garbage[1] !== 0x20)
      const seen: Frame[] = []
      assert.throws(() => read([Buffer.from(garbage)], seen), FrameError)
      assert.equal(seen.length, 0)
    }),
  )
})

test('A length over the limit is refused at the header, before a byte of payload has room made for it', () => {
  const header = toBytes([frameOf({})])
  header.writeUInt32BE(0xffff_ffff, 4)
  const before = process.memoryUsage().arrayBuffers
  assert.throws(() => read([header]), /4294967295 bytes is over the limit/)
  header.writeUInt32BE(LIMIT + 1, 4)
  assert.throws(() => read([header]), FrameError)
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000)
})

test('A promised length takes no memory until bytes arrive', () => {
  const header = toBytes([frameOf({})])
  header.writeUInt32BE(0xf000_0000, 4)
  const reader = new FrameReader(0xffff_ffff)
  const before = process.memoryUsage().arrayBuffers
  reader.push(Buffer.concat([header, Buffer.alloc(100)]), () => assert.fail('no frame is complete'))
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000)
})

test('A payload of exactly the limit passes', () => {
  const sent = [frameOf({ payload: { encoding: 'bytes', bytes: Buffer.alloc(LIMIT) } })]
  assert.equal(read([toBytes(sent)])[0]?.payload.bytes.length, LIMIT)
})

function frameOf(fields: Partial<Frame>): Frame {
  return { type: 67, job: 1, generation: 1, amount: 0, payload: EMPTY, ...fields }
}

function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return bounds.slice(1).map((end, nth) => bytes.subarray(bounds[nth], end))
}

function read(chunks: readonly Buffer[], seen: Frame[] = []): Frame[] {
  const reader = new FrameReader(LIMIT)
  for (const chunk of chunks) reader.push(chunk, (frame) => seen.push(frame))
  return seen
}

function plain(list: readonly Frame[]): unknown {
  return list.map((frame) => {
    const { encoding, bytes } = frame.payload
    return { ...frame, payload: { encoding, bytes: Buffer.from(bytes) } }
  })
}
