/** Passes on what a child writes, no faster than it is taken. */
import type { Socket } from 'node:net'

/**
 * Reading stops while our own output is stuck: the child then waits in write(), and no memory grows. What nobody can
 * read any more is dropped.
 */
export function forward(from: Socket, to: NodeJS.WriteStream): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.writable || to.write(chunk)) return
    from.pause()
    waitersOf(to).add(from)
  })
  from.once('close', () => stuck.get(to)?.delete(from))
}

// One listener per stuck output, however many children wait for it: Node takes more than ten for a leak.
const stuck = new Map<NodeJS.WriteStream, Set<Socket>>()

function waitersOf(to: NodeJS.WriteStream): Set<Socket> {
  const known = stuck.get(to)
  if (known !== undefined) return known
  const waiters = new Set<Socket>()
  stuck.set(to, waiters)
  const release = () => {
    to.off('drain', release).off('close', release)
    stuck.delete(to)
    for (const from of waiters) from.resume()
  }
  to.once('drain', release).once('close', release)
  return waiters
}
