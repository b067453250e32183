/** What calls between Python's Celery and Carom carry on one RabbitMQ, and how they fail. */
import { failures } from './failures.ts'
import { mixedCluster } from './mixed-lab.ts'
import { callsOfProtocolV1 } from './protocol-v1.ts'
import { values } from './values.ts'

const mixed = mixedCluster({ broker: 'RabbitMQ' })

values(mixed)
callsOfProtocolV1(mixed)
failures(mixed)
