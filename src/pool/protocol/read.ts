/** Reading cheaper than a stream does, which takes 64 KiB of new memory for every piece that it reads. */
import { readSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Reads what is there for `socket` by now; gives how many bytes. 0 also where Node does not show the descriptor. */
export function readNow(socket: Socket, room: Buffer): number {
  const { _handle: handle } = socket as { _handle?: { readonly fd?: number } | null }
  // What the stream has read and not given away yet comes first.
  if (handle?.fd === undefined || handle.fd < 0 || socket.readableLength > 0) return 0
  try {
    return readSync(handle.fd, room)
  } catch {
    // EAGAIN; and what else there may be, the stream meets next.
    return 0
  }
}

/** Memory for one small piece after the other; each stays as it was read. */
export class ReadArea {
  #area = Buffer.alloc(0)
  #to = 0

  /** Where the next piece goes; `took` says how long it was. */
  room(): Buffer {
    if (this.#area.length - this.#to < MIN_ROOM_BYTES) {
      this.#area = Buffer.allocUnsafeSlow(AREA_BYTES)
      this.#to = 0
    }
    return this.#area.subarray(this.#to)
  }

  took(bytes: number): void {
    this.#to += bytes
  }
}

const AREA_BYTES = 256 * 1024
const MIN_ROOM_BYTES = 64 * 1024
