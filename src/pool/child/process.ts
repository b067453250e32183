/** The life of a child that is a process of its own, however it was started; its channel is on fd 3. Wiring only. */
import { closeSync } from 'node:fs'
import { findAddon } from '../../native/addon.ts'
import { CHILD_MEMORY_BYTES, type MemoryInChild, memoryInChild } from '../protocol/child-memory.ts'
import { whileLoading as markLoading } from '../protocol/loading.ts'
import { askThrough } from './ask.ts'
import { dieWithParent, guardProcess } from './guard.ts'
import { ChildLoop, type WhileLoading } from './loop.ts'
import { SocketChannel } from './socket-channel.ts'

/** {@link dieWithParent} was called; `memoryFd` is closed when it has been mapped. */
export function liveAsChild(generation: number, memoryFd: number | undefined, whileLoading: WhileLoading): void {
  const memory = openMemory(memoryFd)
  const channel = new SocketChannel(generation, memory?.outbox ?? null)
  guardProcess(channel)
  const loop = new ChildLoop(channel, whileLoading, memory?.tickets ?? null)
  askThrough(loop.questions)
  channel.listen(loop)
}

/** An initializer may change the user or the group, and the kernel forgets the parent then. */
export function loadBeside(parentPid: number): WhileLoading {
  return async (module, load) => {
    await markLoading(module, load)
    dieWithParent(parentPid)
  }
}

/** `null` where it cannot be had: the parent hears of it, and asks. */
function openMemory(fd: number | undefined): MemoryInChild | null {
  if (fd === undefined) return null
  try {
    const { addon } = findAddon()
    return addon === null ? null : memoryInChild(addon.mapMemory(fd, CHILD_MEMORY_BYTES))
  } catch {
    return null
  } finally {
    closeSync(fd)
  }
}
