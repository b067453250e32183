/** The file a fork server runs: `node FLAGS main.js PARENT_PID`, its control on fd 3, packets on fd 4. Wiring only. */
import { Socket } from 'node:net'
import { CaromError } from '../../../errors.ts'
import { findAddon } from '../../../native/addon.ts'
import { ForkServer } from './server.ts'

const parentPid = Number(process.argv[2])
const found = findAddon()
if (found.addon === null) throw new CaromError('CAROM_FORK_UNAVAILABLE', found.reason)
if (!found.addon.dieWithParent(parentPid)) found.addon.exit(1)
new ForkServer(found.addon, new Socket({ fd: 3, readable: true, writable: true }), 4).run()
