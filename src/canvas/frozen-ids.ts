import { createHash } from 'node:crypto'

/**
 * The id of a task that `seed` (the id of the task before it) brings about, at `path` among all that it does. The same
 * seed and path give the same id, in every process: what is published a second time, since nobody knows whether it was
 * published at all, is the same message.
 *
 * In the form of a UUID made from a name (version 5).
 */
export function frozenId(seed: string, path: string): string {
  const hash = createHash('sha1').update(NAMESPACE).update(seed).update('\0').update(path).digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

const NAMESPACE = 'carom follow-up\0'
