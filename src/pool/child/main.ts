/** The file a spawned child runs: `node main.js GENERATION PARENT_PID [TICKETS_FD]`, its channel on fd 3. */
import { dieWithParent } from './guard.ts'
import { liveAsChild } from './process.ts'

const [generation, parentPid, ticketsFd] = process.argv.slice(2).map(Number) as [number, number, number?]
dieWithParent(parentPid)
liveAsChild(generation, parentPid, ticketsFd)
