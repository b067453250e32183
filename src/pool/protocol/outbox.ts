/**
 * Where a child lays what it has to say: memory that it shares with its parent. What lies there is said, whatever becomes
 * of the child, so nothing has to leave before the next job begins: a call of the system and a wake-up carry the reports
 * of many jobs. The channel only rings, and carries what is too large or finds no room.
 *
 * Both ways are one stream. A report that went over the channel is behind all that lies here, since the parent looks here
 * first; and nothing is laid here before the parent has heard what went over the channel.
 *
 * The memory is the child's too, and a child may be hostile. The parent copies what it takes before it looks at it, and
 * takes it for as trustworthy as what comes over the channel.
 */
import { type Frame, FrameError, HEADER_BYTES, writeHeader } from './frame.ts'

/** Words that the child writes, and those of the parent a cache line away. Positions grow without end, and wrap. */
const WRITTEN = 0
/** The position of the first byte of the area: it begins anew whenever all of it has been taken. */
const START = 1
const TAKEN = 16
const HEARD = 17

const WORDS_BYTES = 128
/** Memory that nobody has written to is none. */
export const OUTBOX_BYTES = 16 * 1024 * 1024
const AREA_BYTES = OUTBOX_BYTES - WORDS_BYTES
/** What is larger goes over the channel, piece by piece. */
export const MAX_LAID_BYTES = 8 * 1024 * 1024
const PIECE_BYTES = 64 * 1024

/** The child's end. */
export class Outbox {
  readonly #words: Int32Array
  readonly #area: Buffer
  #written = 0
  #start = 0
  #rung = 0

  /** Over `OUTBOX_BYTES` of memory that were zero when the first of both had them. */
  constructor(memory: ArrayBuffer, at: number) {
    this.#words = wordsIn(memory, at)
    this.#area = areaIn(memory, at)
  }

  /** False if it is to go over the channel, which has carried `overChannel` reports so far. */
  put(frame: Frame, overChannel: number): boolean {
    const { bytes } = frame.payload
    if (bytes.length > MAX_LAID_BYTES || Atomics.load(this.#words, HEARD) !== overChannel) return false
    if (this.#written !== this.#start && Atomics.load(this.#words, TAKEN) === this.#written) {
      this.#start = this.#written
      Atomics.store(this.#words, START, this.#start)
    }
    const at = (this.#written - this.#start) | 0
    const length = HEADER_BYTES + bytes.length
    if (at + length > AREA_BYTES) return false
    writeHeader(this.#area, at, frame)
    this.#area.set(bytes, at + HEADER_BYTES)
    this.#written = (this.#written + length) | 0
    Atomics.store(this.#words, WRITTEN, this.#written)
    return true
  }

  /** What lies here and was not taken yet. */
  get untakenBytes(): number {
    return (this.#written - Atomics.load(this.#words, TAKEN)) | 0
  }

  /** False if the parent has not come yet since it was last rung for: it will find what lies here by now as well. */
  mustRing(): boolean {
    const isOnItsWay = ((this.#rung - Atomics.load(this.#words, TAKEN)) | 0) > 0
    this.#rung = this.#written
    return !isOnItsWay
  }
}

/** The parent's end. */
export class OutboxReader {
  readonly #words: Int32Array
  readonly #area: Buffer
  #taken = 0
  #until = 0

  /** Over the same memory. */
  constructor(memory: ArrayBuffer, at: number) {
    this.#words = wordsIn(memory, at)
    this.#area = areaIn(memory, at)
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#words, WRITTEN) === this.#taken
  }

  /**
   * Gives all that lies there by now, in pieces; of a large report the rest, which is there, can be read into its place.
   *
   * @throws FrameError for positions that cannot be.
   */
  take(give: (piece: Buffer, readInto: (room: Buffer) => number, there: number) => void): void {
    this.#until = Atomics.load(this.#words, WRITTEN)
    const laid = this.#left()
    // More than there is room for would also keep the parent reading without end.
    if (laid < 0 || laid > AREA_BYTES) throw new FrameError(`An outbox of ${laid} bytes`)
    for (let left = this.#left(); left > 0; left = this.#left()) {
      const piece = Buffer.allocUnsafe(Math.min(left, PIECE_BYTES))
      this.#readInto(piece)
      give(piece, this.#readInto, left - piece.length)
    }
  }

  #left(): number {
    return (this.#until - this.#taken) | 0
  }

  readonly #readInto = (room: Buffer): number => {
    const from = (this.#taken - Atomics.load(this.#words, START)) | 0
    const length = Math.min(room.length, this.#left())
    if (from < 0 || from + length > AREA_BYTES) throw new FrameError(`An outbox of ${length} bytes from ${from}`)
    this.#area.copy(room, 0, from, from + length)
    this.#taken = (this.#taken + length) | 0
    Atomics.store(this.#words, TAKEN, this.#taken)
    return length
  }

  /** So many reports have come over the channel by now. */
  heard(overChannel: number): void {
    Atomics.store(this.#words, HEARD, overChannel)
  }
}

function wordsIn(memory: ArrayBuffer, at: number): Int32Array {
  return new Int32Array(memory, at, WORDS_BYTES / Int32Array.BYTES_PER_ELEMENT)
}

function areaIn(memory: ArrayBuffer, at: number): Buffer {
  return Buffer.from(memory, at + WORDS_BYTES, AREA_BYTES)
}
