/** The file a pool's child runs: `node main.js GENERATION PARENT_PID`, its channel on fd 3. Wiring only. */
import { whileLoading } from '../protocol/loading.ts'
import { askThrough } from './ask.ts'
import { guardProcess } from './guard.ts'
import { ChildLoop } from './loop.ts'
import { SocketChannel } from './socket-channel.ts'

const [generation, parentPid] = process.argv.slice(2).map(Number) as [number, number]
const channel = new SocketChannel(generation)
guardProcess(channel, parentPid)
const loop = new ChildLoop(channel, whileLoading)
askThrough(loop.questions)
channel.listen(loop)
