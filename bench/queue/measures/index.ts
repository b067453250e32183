/** All measures, in the order of the report. */
import type { Measure } from '../../measure.ts'
import type { Row } from '../rows.ts'
import { connections } from './connections.ts'
import { endToEnd } from './end-to-end.ts'
import { enqueue } from './enqueue.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { rabbitmq } from './rabbitmq.ts'
import { waits } from './waits.ts'

export const MEASURES: readonly Measure<Row>[] = [endToEnd, enqueue, latency, waits, rabbitmq, memory, connections]
