/** The end of what a child wrote to stderr, and whether V8 was among those who wrote. */

export class StderrTail {
  #bytes: Buffer = Buffer.alloc(0)
  #heapLimit = false

  /** Bytes until somebody asks: to decode all that a child prints would cost far more than to pass it on. */
  push(chunk: Buffer): void {
    // What V8 writes after this sentence may be longer than the tail, and a chunk may end in the middle of it.
    this.#heapLimit ||= chunk.includes(HEAP_LIMIT) || this.#endsInSentence(chunk)
    const kept = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([this.#bytes, chunk])
    this.#bytes = Buffer.from(kept.subarray(-TAIL_BYTES))
  }

  /** V8 said that it had no heap left. */
  get heapLimit(): boolean {
    return this.#heapLimit
  }

  toString(): string {
    const bytes = this.#bytes
    // The first character may have been cut.
    let start = 0
    while (bytes.length === TAIL_BYTES && start < 3 && ((bytes[start] as number) & 0xc0) === 0x80) start++
    return bytes.toString('utf8', start)
  }

  #endsInSentence(chunk: Buffer): boolean {
    const most = HEAP_LIMIT.length - 1
    if (this.#bytes.length === 0) return false
    return Buffer.concat([this.#bytes.subarray(-most), chunk.subarray(0, most)]).includes(HEAP_LIMIT)
  }
}

const TAIL_BYTES = 4_096
const HEAP_LIMIT = 'JavaScript heap out of memory'
