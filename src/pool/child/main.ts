/** The file a spawned child runs: `node main.js GENERATION PARENT_PID [MEMORY_FD]`, its channel on fd 3. */
import { dieWithParent } from './guard.ts'
import { ChildLoop } from './loop.ts'
import { liveAsChild, loadBeside } from './process.ts'

const [generation, parentPid, memoryFd] = process.argv.slice(2).map(Number) as [number, number, number?]
dieWithParent(parentPid)
const loadModule = loadBeside(parentPid)
liveAsChild(generation, memoryFd, async (module, load) => {
  await loadModule(module, load)
  // Before there is a job, mostly: one that replaces a lost child is waited for. What is forked finds all that in memory.
  setImmediate(() => ChildLoop.rehearse())
})
