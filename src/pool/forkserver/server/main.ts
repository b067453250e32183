/** The file a fork server runs: `node FLAGS main.js PARENT_PID`, its control on fd 3, packets on fd 4. Wiring only. */
import { Socket } from 'node:net'
import { CaromError } from '../../../errors.ts'
import { findAddon } from '../../../native/addon.ts'
import { ForkServer } from './server.ts'

const parentPid = Number(process.argv[2])
const found = findAddon()
if (found.addon === null) throw new CaromError('CAROM_FORK_UNAVAILABLE', found.reason)
const server = new ForkServer(found.addon, new Socket({ fd: 3, readable: true, writable: true }), 4)
try {
  if (!found.addon.dieWithParent(parentPid)) found.addon.exit(1)
} catch (error) {
  // A sandbox that forbids this. The server lives on to say so: what ends without a word is taken for a module's fault.
  server.forbid(error as Error)
}
server.run()
