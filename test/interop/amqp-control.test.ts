/** Remote control across the languages on one RabbitMQ. */
import { control } from './control.ts'
import { mixedCluster } from './mixed-lab.ts'

control(mixedCluster({ broker: 'RabbitMQ' }))
