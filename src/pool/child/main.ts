/** The file a pool's child runs: `node main.js GENERATION PARENT_PID`, its channel on fd 3. Wiring only. */
import { Channel } from './channel.ts'
import { guardProcess } from './guard.ts'
import { ChildLoop } from './loop.ts'

const [generation, parentPid] = process.argv.slice(2).map(Number) as [number, number]
const channel = new Channel(generation)
guardProcess(channel, parentPid)
channel.listen(new ChildLoop(channel))
