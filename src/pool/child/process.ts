/** The life of a child that is a process of its own, however it was started; its channel is on fd 3. Wiring only. */
import { whileLoading } from '../protocol/loading.ts'
import { askThrough } from './ask.ts'
import { guardProcess } from './guard.ts'
import { ChildLoop } from './loop.ts'
import { SocketChannel } from './socket-channel.ts'

/** `parentPid` is the process that this one is not to outlive. */
export function liveAsChild(generation: number, parentPid: number): void {
  const channel = new SocketChannel(generation)
  guardProcess(channel, parentPid)
  const loop = new ChildLoop(channel, whileLoading)
  askThrough(loop.questions)
  channel.listen(loop)
}
