/** Cuts what a socket gives into AMQP's frames. */
import { AmqpError } from './amqp-error.ts'

export const FRAME_METHOD = 1
export const FRAME_HEADER = 2
export const FRAME_BODY = 3
export const FRAME_HEARTBEAT = 8
export const FRAME_END = 206
/** Type, channel and size, before the payload. */
export const FRAME_HEAD_BYTES = 7
/** Head and end. */
export const FRAME_EXTRA_BYTES = FRAME_HEAD_BYTES + 1

/** The payload is good until the call returns. */
export type OnFrame = (type: number, channel: number, payload: Buffer) => void

export class FrameReader {
  readonly #onFrame: OnFrame
  readonly #maxBytes: number
  #rest: Buffer = NOTHING

  /** @param maxBytes of one frame: a larger one is an error. */
  constructor(maxBytes: number, onFrame: OnFrame) {
    this.#maxBytes = maxBytes
    this.#onFrame = onFrame
  }

  /** @throws AmqpError `FRAME_ERROR`, and then nothing that follows can be read either */
  push(chunk: Buffer): void {
    const bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.byteLength - at >= FRAME_EXTRA_BYTES) {
      const end = at + FRAME_EXTRA_BYTES + this.#sizeAt(bytes, at)
      if (end > bytes.byteLength) break
      if (bytes[end - 1] !== FRAME_END) throw new AmqpError('FRAME_ERROR', 'A frame does not end where it should')
      const payload = bytes.subarray(at + FRAME_HEAD_BYTES, end - 1)
      this.#onFrame(bytes[at] as number, bytes.readUInt16BE(at + 1), payload)
      at = end
    }
    this.#rest = at === bytes.byteLength ? NOTHING : bytes.subarray(at)
  }

  #sizeAt(bytes: Buffer, at: number): number {
    const type = bytes[at] as number
    const isKnown = type === FRAME_METHOD || type === FRAME_HEADER || type === FRAME_BODY || type === FRAME_HEARTBEAT
    const size = bytes.readUInt32BE(at + 3)
    if (!isKnown || size > this.#maxBytes) throw new AmqpError('FRAME_ERROR', 'What was received is no frame of AMQP')
    return size
  }
}

const NOTHING = Buffer.alloc(0)
