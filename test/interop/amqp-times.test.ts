/** When calls between Python's Celery and Carom run on one RabbitMQ. */
import { mixedCluster } from './mixed-lab.ts'
import { limits, times } from './times.ts'

const mixed = mixedCluster({
  broker: 'RabbitMQ',
  // Nothing gets out of the order of priorities, but now and then a worker of Celery 5.2 sleeps for seconds before it
  // takes the next one.
  config: { worker_prefetch_multiplier: 1 },
  carom: { timeLimitMs: 60_000 },
})

times(mixed)
limits(mixed)
