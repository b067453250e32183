/** The file a spawned child runs: `node main.js GENERATION PARENT_PID`, its channel on fd 3. */
import { liveAsChild } from './process.ts'

const [generation, parentPid] = process.argv.slice(2).map(Number) as [number, number]
liveAsChild(generation, parentPid)
