/** What calls between Python's Celery and Carom carry on one Redis, and how they fail. */
import { failures } from './failures.ts'
import { mixedCluster } from './mixed-lab.ts'
import { callsOfProtocolV1 } from './protocol-v1.ts'
import { values } from './values.ts'

const mixed = mixedCluster({ config: { result_extended: true } })

values(mixed)
callsOfProtocolV1(mixed)
failures(mixed)
