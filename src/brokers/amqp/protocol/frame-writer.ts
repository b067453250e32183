/** Writes frames, one behind the other, and hands out what has come together since the last time. */
import { FieldTableError, NO_ROOM, putTable } from './field-table.ts'
import { FRAME_END, FRAME_HEAD_BYTES } from './frame-reader.ts'

export class FrameWriter {
  /** What was handed out lies before `#from`, and is written by nobody any more. */
  #memory = Buffer.allocUnsafe(MEMORY_BYTES)
  #from = 0
  #at = 0
  #frameAt = 0

  /** How much has come together. */
  get byteLength(): number {
    return this.#at - this.#from
  }

  /** How many bytes the frame that was begun carries so far. */
  get payloadBytes(): number {
    return this.#at - this.#frameAt - FRAME_HEAD_BYTES
  }

  take(): Buffer {
    const taken = this.#memory.subarray(this.#from, this.#at)
    this.#from = this.#at
    // What was large once would be kept as long as the connection.
    if (this.#memory.byteLength > MEMORY_BYTES) {
      this.#memory = Buffer.allocUnsafe(MEMORY_BYTES)
      this.#from = 0
      this.#at = 0
    }
    return taken
  }

  /** Forgets what came after `byteLength`. */
  cut(byteLength: number): void {
    this.#at = this.#from + byteLength
  }

  begin(type: number, channel: number): this {
    this.#room(FRAME_HEAD_BYTES)
    this.#frameAt = this.#at
    this.#at = this.#memory.writeUInt8(type, this.#at)
    this.#at = this.#memory.writeUInt16BE(channel, this.#at) + 4
    return this
  }

  end(): this {
    this.octet(FRAME_END)
    this.#memory.writeUInt32BE(this.payloadBytes - 1, this.#frameAt + 3)
    return this
  }

  octet(value: number): this {
    this.#room(1)
    this.#at = this.#memory.writeUInt8(value, this.#at)
    return this
  }

  short(value: number): this {
    this.#room(2)
    this.#at = this.#memory.writeUInt16BE(value, this.#at)
    return this
  }

  long(value: number): this {
    this.#room(4)
    this.#at = this.#memory.writeUInt32BE(value, this.#at)
    return this
  }

  longLong(value: number): this {
    return this.long(Math.floor(value / 2 ** 32)).long(value % 2 ** 32)
  }

  /** The first one is the lowest bit. */
  bits(...values: readonly (boolean | undefined)[]): this {
    return this.octet(values.reduce((sum, value, index) => (value === true ? sum | (1 << index) : sum), 0))
  }

  /** @throws RangeError for more than 255 bytes */
  text(value: string): this {
    const bytes = Buffer.byteLength(value)
    return this.octet(bytes).#utf8(value, bytes)
  }

  longText(value: string): this {
    const bytes = Buffer.byteLength(value)
    return this.long(bytes).#utf8(value, bytes)
  }

  /** @throws FieldTableError for what a table has no form for, and for what no frame has room for */
  table(value: object): this {
    for (;;) {
      const end = putTable(this.#memory, value, this.#at)
      if (end !== NO_ROOM) {
        this.#at = end
        return this
      }
      const room = this.#memory.byteLength - this.#at
      if (room > MOST_TABLE_BYTES) throw new FieldTableError(`take more than ${MOST_TABLE_BYTES} bytes`)
      this.#room(room + 1)
    }
  }

  bytes(value: Uint8Array): this {
    this.#room(value.byteLength)
    this.#memory.set(value, this.#at)
    this.#at += value.byteLength
    return this
  }

  #utf8(value: string, bytes: number): this {
    this.#room(bytes)
    this.#at += this.#memory.write(value, this.#at, bytes, 'utf8')
    return this
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#memory.byteLength) return
    const kept = this.byteLength
    // Twice as much, so that what grows by little is not copied each time.
    const larger = Buffer.allocUnsafe(Math.max(MEMORY_BYTES, 2 * (kept + bytes)))
    this.#memory.copy(larger, 0, this.#from, this.#at)
    this.#memory = larger
    this.#frameAt -= this.#from
    this.#from = 0
    this.#at = kept
  }
}

const MEMORY_BYTES = 65_536
// No frame is larger.
const MOST_TABLE_BYTES = 131_072
