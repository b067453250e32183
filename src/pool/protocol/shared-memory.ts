/**
 * Memory that stays one. Between threads of one process a SharedArrayBuffer, or a view of one, is passed on as it is:
 * a payload's bytes hold its number, and the memory itself goes beside them. What leaves the process refuses it.
 */
import { types } from 'node:util'
import { addExtension } from 'msgpackr/pack'

export function isShared(value: unknown): boolean {
  return types.isSharedArrayBuffer(value) || (ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer))
}

/** Writes a value; `memory` takes the shared memory in it. With `null` it is refused with a TypeError. */
export function writingMemory<V, T>(memory: object[] | null, value: V, write: (value: V) => T): T {
  const outer = written
  written = memory ?? 'refused'
  try {
    return write(value)
  } finally {
    written = outer
  }
}

/** Reads what was written with that memory. */
export function readingMemory<B, T>(memory: readonly object[] | undefined, bytes: B, read: (bytes: B) => T): T {
  const outer = readable
  readable = memory ?? NOTHING
  try {
    return read(bytes)
  } finally {
    readable = outer
  }
}

const NOTHING: readonly object[] = []

// Of the value that is being written or read just now: a MessagePack extension gets nothing but the object. `null`
// while nothing of ours is: extensions are one list for all who use the library in this process.
let written: object[] | 'refused' | null = null
let readable = NOTHING

addExtension({
  Class: { [Symbol.hasInstance]: (value: unknown) => written !== null && isShared(value) } as unknown as typeof Object,
  // The library keeps the numbers above 100 from its users, and does not use this one.
  type: 0x7e,
  pack(memory: object): Buffer {
    if (written === null || written === 'refused') throw new TypeError('Shared memory cannot leave its process')
    const number = Buffer.alloc(4)
    number.writeUInt32BE(written.push(memory) - 1)
    return number
  },
  unpack(number: Uint8Array): object {
    const memory = readable[Buffer.from(number).readUInt32BE()]
    if (memory === undefined) throw new TypeError('Shared memory that did not come with its value')
    return memory
  },
})
