/**
 * The bytes between parent and child. A frame is a 24-byte header and a payload:
 *
 *     magic u16 | version u8 | type u8 | payload length u32 | job u48 | generation u32 | amount u32 | encoding u8 | zero u8
 *
 * The reader treats what it gets as hostile: the length is checked before a byte of payload is kept, and the first
 * wrong header ends the stream.
 */

export const HEADER_BYTES = 24
const MAGIC = 0xca20
const VERSION = 2

/** How a payload is written: not at all, as the bytes it is, as MessagePack, or as a text of one byte per character. */
export type Encoding = 'none' | 'bytes' | 'msgpack' | 'ascii'
const ENCODINGS = ['none', 'bytes', 'msgpack', 'ascii'] as const

/** A value on its way: encoded, not yet looked into. */
export interface Payload {
  readonly encoding: Encoding
  readonly bytes: Uint8Array
  /** The bytes are in memory that nothing else is in: whoever reads them may keep them. */
  readonly isOwn?: boolean
  /** The bytes are in memory that its owner uses again: they are written or copied at once, or lost. */
  readonly isLent?: boolean
  /** Memory that stays one on both sides; only between threads of one process, and never part of a frame's bytes. */
  readonly shared?: readonly object[]
}

export interface Frame {
  readonly type: number
  /** A job, or for questions and answers the question's number. 0 where neither is meant. */
  readonly job: number
  /** The child's number in its pool: a frame of another child is never taken for this one's. */
  readonly generation: number
  /** A number that goes with the message: how many, how long. 0 where none is meant. */
  readonly amount: number
  readonly payload: Payload
}

export const EMPTY: Payload = { encoding: 'none', bytes: new Uint8Array(0) }

/** What follows is not the protocol; whoever sent it is not to be read any further. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/**
 * Frames on their way out, side by side in one piece of memory: what is sent in one go leaves in one write. Only a large
 * payload is a piece of its own, and not copied.
 */
export class FrameWriter {
  #area = Buffer.allocUnsafeSlow(AREA_BYTES)
  #from = 0
  #to = 0
  #parts: Buffer[] = []

  get isEmpty(): boolean {
    return this.#from === this.#to && this.#parts.length === 0
  }

  /** True if the payload was copied; otherwise its bytes have to stay as they are until they are written. */
  add(frame: Frame): boolean {
    const { bytes } = frame.payload
    const inline = bytes.length <= COPY_BELOW_BYTES
    if (this.#to + HEADER_BYTES + (inline ? bytes.length : 0) > AREA_BYTES) this.#renew()
    const at = this.#to
    writeHeader(this.#area, at, frame)
    if (inline) {
      this.#area.set(bytes, at + HEADER_BYTES)
      this.#to = at + HEADER_BYTES + bytes.length
    } else {
      this.#to = at + HEADER_BYTES
      this.#cut()
      this.#parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    }
    return inline
  }

  /** All that was added since, in order. Whoever has written all of it says so with `reuse`. */
  take(): Buffer[] {
    this.#cut()
    const parts = this.#parts
    this.#parts = []
    return parts
  }

  /** Nobody needs the memory of what was taken any more. */
  reuse(): void {
    if (this.isEmpty) this.#from = this.#to = 0
  }

  /** What was taken and not written keeps its memory. */
  #renew(): void {
    this.#cut()
    this.#area = Buffer.allocUnsafeSlow(AREA_BYTES)
    this.#from = this.#to = 0
  }

  #cut(): void {
    if (this.#from < this.#to) this.#parts.push(this.#area.subarray(this.#from, this.#to))
    this.#from = this.#to
  }
}

// Copying this much costs less than a second piece in the write.
const COPY_BELOW_BYTES = 16 * 1024
const AREA_BYTES = 64 * 1024
/** A frame of this size was put together in memory of its own; copying it once more would show. */
const OWN_ABOVE_BYTES = 64 * 1024
/** Less comes with the next chunk just as well. */
const READ_ABOVE_BYTES = 32 * 1024
/** What is not filled yet takes no more than addresses; what is copied as it grows takes time. */
const GROWTH = 8

/** The payload goes behind it. */
export function writeHeader(area: Buffer, at: number, { type, job, generation, amount, payload }: Frame): void {
  area.writeUInt16BE(MAGIC, at)
  area[at + 2] = VERSION
  area[at + 3] = type
  area.writeUInt32BE(payload.bytes.length, at + 4)
  area.writeUIntBE(job, at + 8, 6)
  area.writeUInt32BE(generation, at + 14)
  area.writeUInt32BE(amount, at + 18)
  area[at + 22] = ENCODINGS.indexOf(payload.encoding)
  area[at + 23] = 0
}

/** Cuts a stream of chunks into frames. */
export class FrameReader {
  readonly #maxPayloadBytes: number
  /** Of a frame that has not come whole yet. */
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  #length = 0
  // It grows with what arrives, never with what a header promises.
  #payload = NOTHING
  #payloadBytes = 0

  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /**
   * Calls `onFrame` for every frame that `chunk` completes. Payloads are views of what was read, not copies, except
   * those that came in several chunks. Of a large frame the rest is asked of `readInto`, which gives how many bytes have
   * arrived meanwhile: read into their place, they are not copied. `there`: so many are known to have.
   *
   * @throws FrameError at the first header that is not ours; frames before it were delivered.
   */
  push(chunk: Buffer, onFrame: (frame: Frame) => void, readInto?: (room: Buffer) => number, there = 1): void {
    let at = this.#headerBytes === 0 ? 0 : this.#complete(chunk, 0, onFrame)
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#checkHeader(chunk, at)
      if (end > chunk.length) break
      onFrame(frameOf(chunk, at, chunk.subarray(at + HEADER_BYTES, end)))
      at = end
    }
    if (at < chunk.length) this.#complete(chunk, at, onFrame)
    if (readInto === undefined || this.#headerBytes < HEADER_BYTES) return
    if (this.#length - this.#payloadBytes < READ_ABOVE_BYTES) return
    this.#makeRoom(Math.min(this.#length, this.#payloadBytes + there))
    this.#payloadBytes += readInto(this.#payload.subarray(this.#payloadBytes))
    if (this.#payloadBytes === this.#length) this.#deliver(onFrame)
  }

  /** Adds to a frame what it lacks; gives where in the chunk the next one begins. */
  #complete(chunk: Buffer, from: number, onFrame: (frame: Frame) => void): number {
    let at = from
    if (this.#headerBytes < HEADER_BYTES) {
      const copied = chunk.copy(this.#header, this.#headerBytes, at)
      this.#headerBytes += copied
      at += copied
      if (this.#headerBytes < HEADER_BYTES) return at
      this.#length = this.#checkHeader(this.#header, 0)
    }
    const end = Math.min(chunk.length, at + this.#length - this.#payloadBytes)
    this.#keep(chunk, at, end)
    if (this.#payloadBytes === this.#length) this.#deliver(onFrame)
    return end
  }

  #deliver(onFrame: (frame: Frame) => void): void {
    const payload = this.#payload
    this.#headerBytes = 0
    this.#payload = NOTHING
    this.#payloadBytes = 0
    onFrame(frameOf(this.#header, 0, payload, payload.length > OWN_ABOVE_BYTES))
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const bytes = this.#payloadBytes + to - from
    this.#makeRoom(bytes)
    chunk.copy(this.#payload, this.#payloadBytes, from, to)
    this.#payloadBytes = bytes
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#payload.length) return
    const room = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(this.#length, bytes * GROWTH)))
    this.#payload.copy(room, 0, 0, this.#payloadBytes)
    this.#payload = room
  }

  #checkHeader(chunk: Buffer, at: number): number {
    const magic = chunk.readUInt16BE(at)
    if (magic !== MAGIC) throw new FrameError(`Expected a frame, found the bytes ${magic.toString(16)}`)
    if (chunk[at + 2] !== VERSION) throw new FrameError(`Frame of protocol version ${chunk[at + 2]}, not ${VERSION}`)
    if ((chunk[at + 22] as number) >= ENCODINGS.length || chunk[at + 23] !== 0) {
      throw new FrameError(`Frame of unknown encoding ${chunk[at + 22]}`)
    }
    const length = chunk.readUInt32BE(at + 4)
    if (length > this.#maxPayloadBytes) {
      throw new FrameError(`Frame of ${length} bytes is over the limit of ${this.#maxPayloadBytes}`)
    }
    return length
  }
}

const NOTHING = Buffer.alloc(0)

function frameOf(header: Buffer, at: number, bytes: Buffer, isOwn = false): Frame {
  const encoding = ENCODINGS[header[at + 22] as number] as Encoding
  return {
    type: header[at + 3] as number,
    job: header.readUIntBE(at + 8, 6),
    generation: header.readUInt32BE(at + 14),
    amount: header.readUInt32BE(at + 18),
    payload: isOwn ? { encoding, bytes, isOwn } : { encoding, bytes },
  }
}
