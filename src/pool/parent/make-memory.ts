/** Memory to share with a child that is started. */
import type { Addon } from '../../native/addon.ts'
import { CHILD_MEMORY_BYTES, type MemoryOfChild, memoryOfChild } from '../protocol/child-memory.ts'

export interface MadeMemory {
  readonly memory: MemoryOfChild
  /** For the child. */
  readonly fd: number
  /** To be called when the child has been started: its descriptor here is needed no more. */
  close(): void
}

/**
 * `null` where it cannot be had: in a sandbox without such memory, or with a limit on the size of files. What a child
 * without it has begun is known by its word alone. Without descriptors the start itself will fail.
 */
export function makeMemory(addon: Addon): MadeMemory | null {
  let fd: number | null = null
  try {
    fd = addon.makeMemory(CHILD_MEMORY_BYTES)
    const made = fd
    const close = () => addon.closeDescriptor(made)
    return { fd, memory: memoryOfChild(addon.mapMemory(fd, CHILD_MEMORY_BYTES)), close }
  } catch {
    if (fd !== null) addon.closeDescriptor(fd)
    return null
  }
}
