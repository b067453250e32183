/** Reading past the event loop, which reads in pieces of 64 KiB, each in memory of its own. */
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
