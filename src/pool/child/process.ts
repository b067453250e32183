/** The life of a child that is a process of its own, however it was started; its channel is on fd 3. Wiring only. */
import { closeSync } from 'node:fs'
import { findAddon } from '../../native/addon.ts'
import { whileLoading } from '../protocol/loading.ts'
import { TICKET_BYTES, Tickets } from '../protocol/tickets.ts'
import { askThrough } from './ask.ts'
import { dieWithParent, guardProcess } from './guard.ts'
import { ChildLoop, type WhileLoading } from './loop.ts'
import { SocketChannel } from './socket-channel.ts'

/** `parentPid` is that of {@link dieWithParent}, which was called; `ticketsFd` is closed when it has been read. */
export function liveAsChild(generation: number, parentPid: number, ticketsFd?: number): void {
  const channel = new SocketChannel(generation)
  guardProcess(channel)
  const loop = new ChildLoop(channel, loadBeside(parentPid), openTickets(ticketsFd))
  askThrough(loop.questions)
  channel.listen(loop)
}

/** An initializer may change the user or the group, and the kernel forgets the parent then. */
export function loadBeside(parentPid: number): WhileLoading {
  return async (module, load) => {
    await whileLoading(module, load)
    dieWithParent(parentPid)
  }
}

/** `null` where the memory cannot be had: the parent hears of it, and asks. */
function openTickets(fd: number | undefined): Tickets | null {
  if (fd === undefined) return null
  try {
    const { addon } = findAddon()
    return addon === null ? null : new Tickets(addon.mapMemory(fd, TICKET_BYTES))
  } catch {
    return null
  } finally {
    closeSync(fd)
  }
}
