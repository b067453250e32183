/** What Python strings together, on one Redis. */
import { chains } from './chains.ts'
import { chords } from './chords.ts'
import { links } from './links.ts'
import { mixedCluster } from './mixed-lab.ts'
import { workflowsOfProtocolV1 } from './protocol-v1.ts'

const mixed = mixedCluster()

links(mixed)
chains(mixed)
chords(mixed)
workflowsOfProtocolV1(mixed)
