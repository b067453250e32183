/** When calls between Python's Celery and Carom run on one Redis. */
import { mixedCluster } from './mixed-lab.ts'
import { limits, times } from './times.ts'

const mixed = mixedCluster({ carom: { timeLimitMs: 60_000 } })

times(mixed)
limits(mixed)
