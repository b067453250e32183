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
  #chunks: Buffer[] = []
  #bytes = 0
  #neededBytes = HEADER_BYTES

  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /** Bytes of a frame that is not complete yet. */
  get pendingBytes(): number {
    return this.#bytes
  }

  /**
   * Calls `onFrame` for every frame that `chunk` completes. Payloads are views of what was read, not copies.
   *
   * @throws FrameError at the first header that is not ours; frames before it were delivered.
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    if (this.#bytes > 0) {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      if (this.#bytes < this.#neededBytes) return
      chunk = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes)
    }
    let at = 0
    while (chunk.length - at >= HEADER_BYTES) {
      const length = this.#checkHeader(chunk, at)
      const end = at + HEADER_BYTES + length
      if (end > chunk.length) break
      onFrame({
        type: chunk[at + 3] as number,
        job: chunk.readUIntBE(at + 8, 6),
        generation: chunk.readUInt32BE(at + 14),
        payload: {
          encoding: ENCODINGS[chunk[at + 18] as number] as Encoding,
          bytes: chunk.subarray(at + HEADER_BYTES, end),
        },
      })
      at = end
    }
    this.#keep(at === 0 ? chunk : chunk.subarray(at))
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

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#bytes = rest.length
    this.#neededBytes = rest.length < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + rest.readUInt32BE(4)
  }
}
