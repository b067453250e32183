/** Python and Carom workers on one RabbitMQ. */
import { mixedCluster } from './mixed-lab.ts'
import { SHARING, sharing, takingOver } from './sharing.ts'
import { survival } from './survival.ts'

const mixed = mixedCluster({ broker: 'RabbitMQ', results: 'Redis', ...SHARING })

sharing(mixed)
survival(mixed)
takingOver(mixed)
