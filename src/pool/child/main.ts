/** The file a spawned child runs: `node main.js GENERATION PARENT_PID [MEMORY_FD]`, its channel on fd 3. */
import { dieWithParent } from './guard.ts'
import { liveAsChild } from './process.ts'

const [generation, parentPid, memoryFd] = process.argv.slice(2).map(Number) as [number, number, number?]
dieWithParent(parentPid)
liveAsChild(generation, parentPid, memoryFd)
