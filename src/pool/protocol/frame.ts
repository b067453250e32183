/**
 * The bytes between parent and child. A frame is a 20-byte header and a payload:
 *
 *     magic u16 | version u8 | type u8 | payload length u32 | job u48 | generation u32 | encoding u8 | zero u8
 *
 * The reader treats what it gets as hostile: the length is checked before a byte of payload is kept, and the first
 * wrong header ends the stream.
 */

export const HEADER_BYTES = 20
const MAGIC = 0xca20
const VERSION = 1

/** How a payload is written: not at all, as the bytes it is, or as MessagePack. */
export type Encoding = 'none' | 'bytes' | 'msgpack'
const ENCODINGS = ['none', 'bytes', 'msgpack'] as const

/** A value on its way: encoded, not yet looked into. */
export interface Payload {
  readonly encoding: Encoding
  readonly bytes: Uint8Array
}

export interface Frame {
  readonly type: number
  /** A job, or for questions and answers the question's number. 0 where neither is meant. */
  readonly job: number
  /** The child's number in its pool: a frame of another child is never taken for this one's. */
  readonly generation: number
  readonly payload: Payload
}

export const EMPTY: Payload = { encoding: 'none', bytes: new Uint8Array(0) }

/** What follows is not the protocol; whoever sent it is not to be read any further. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Header and payload as one or two buffers: a large payload is not copied. */
export function encodeFrame(frame: Frame): Buffer[] {
  const { encoding, bytes } = frame.payload
  const inline = bytes.length <= COPY_BELOW_BYTES
  const header = Buffer.allocUnsafe(inline ? HEADER_BYTES + bytes.length : HEADER_BYTES)
  header.writeUInt16BE(MAGIC, 0)
  header[2] = VERSION
  header[3] = frame.type
  header.writeUInt32BE(bytes.length, 4)
  header.writeUIntBE(frame.job, 8, 6)
  header.writeUInt32BE(frame.generation, 14)
  header[18] = ENCODINGS.indexOf(encoding)
  header[19] = 0
  if (!inline) return [header, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)]
  header.set(bytes, HEADER_BYTES)
  return [header]
}

// Copying this much costs less than a second buffer in the write.
const COPY_BELOW_BYTES = 16 * 1024

/** Cuts a stream of chunks into frames. */
export class FrameReader {
  readonly #maxPayloadBytes: number
  // The start of a frame that is not complete yet. It grows with what arrives, never with what a header promises.
  #kept = NOTHING
  #keptBytes = 0
  #neededBytes = HEADER_BYTES

  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /**
   * Calls `onFrame` for every frame that `chunk` completes. Payloads are views of what was read, not copies.
   *
   * @throws FrameError at the first header that is not ours; frames before it were delivered.
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    let at = this.#keptBytes === 0 ? 0 : this.#complete(chunk, onFrame)
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#checkHeader(chunk, at)
      if (end > chunk.length) {
        this.#neededBytes = end - at
        break
      }
      onFrame(frameAt(chunk, at, end))
      at = end
    }
    if (at < chunk.length) this.#keep(chunk, at, chunk.length)
  }

  /** Adds to the kept start of a frame what it lacks; gives how much of the chunk that took. */
  #complete(chunk: Buffer, onFrame: (frame: Frame) => void): number {
    let at = 0
    while (this.#keptBytes < this.#neededBytes) {
      const end = Math.min(chunk.length, at + this.#neededBytes - this.#keptBytes)
      if (end === at) return at
      this.#keep(chunk, at, end)
      at = end
      if (this.#keptBytes === HEADER_BYTES) this.#neededBytes += this.#checkHeader(this.#kept, 0)
    }
    const frame = frameAt(this.#kept, 0, this.#neededBytes)
    this.#kept = NOTHING
    this.#keptBytes = 0
    this.#neededBytes = HEADER_BYTES
    onFrame(frame)
    return at
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const bytes = this.#keptBytes + to - from
    if (bytes > this.#kept.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(this.#neededBytes, bytes * 2)))
      this.#kept.copy(room, 0, 0, this.#keptBytes)
      this.#kept = room
    }
    chunk.copy(this.#kept, this.#keptBytes, from, to)
    this.#keptBytes = bytes
  }

  #checkHeader(chunk: Buffer, at: number): number {
    const magic = chunk.readUInt16BE(at)
    if (magic !== MAGIC) throw new FrameError(`Expected a frame, found the bytes ${magic.toString(16)}`)
    if (chunk[at + 2] !== VERSION) throw new FrameError(`Frame of protocol version ${chunk[at + 2]}, not ${VERSION}`)
    if ((chunk[at + 18] as number) >= ENCODINGS.length || chunk[at + 19] !== 0) {
      throw new FrameError(`Frame of unknown encoding ${chunk[at + 18]}`)
    }
    const length = chunk.readUInt32BE(at + 4)
    if (length > this.#maxPayloadBytes) {
      throw new FrameError(`Frame of ${length} bytes is over the limit of ${this.#maxPayloadBytes}`)
    }
    return length
  }
}

const NOTHING = Buffer.alloc(0)

function frameAt(chunk: Buffer, at: number, end: number): Frame {
  return {
    type: chunk[at + 3] as number,
    job: chunk.readUIntBE(at + 8, 6),
    generation: chunk.readUInt32BE(at + 14),
    payload: {
      encoding: ENCODINGS[chunk[at + 18] as number] as Encoding,
      bytes: chunk.subarray(at + HEADER_BYTES, end),
    },
  }
}
