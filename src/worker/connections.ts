/** What the worker holds open: broker, result backend, its consumer, and what its app has registered. */
import type { Broker, Consumer } from '../brokers/broker.ts'
import { openBroker } from '../brokers/open.ts'
import type { ResultBackend } from '../results/backend.ts'
import { openBackend } from '../results/open.ts'
import type { AppDescription, TaskDescription } from './child/description.ts'

export interface Connections {
  readonly broker: Broker
  readonly backend: ResultBackend
  readonly consumer: Consumer
  readonly fused: boolean
  readonly queues: readonly string[]
  readonly tasks: ReadonlyMap<string, TaskDescription>
}

export interface ConnectOptions {
  readonly node: string
  readonly queues: readonly string[] | null
  readonly leaseMs: number
}

export async function connect(app: AppDescription, options: ConnectOptions): Promise<Connections> {
  const brokerUrl = app.broker ?? process.env.CAROM_BROKER_URL
  const backendUrl = app.resultBackend ?? process.env.CAROM_RESULT_BACKEND ?? brokerUrl
  const broker = await openBroker(brokerUrl, { appName: app.name })
  const backend = await openBackend(backendUrl, { appName: app.name })
  const queues = options.queues ?? queuesOf(app)
  const consumer = await broker.consumer({ queues, leaseMs: options.leaseMs, node: options.node })
  return {
    broker,
    backend,
    consumer,
    fused: broker.store === backend.store,
    queues,
    tasks: new Map(app.tasks.map((task) => [task.name, task])),
  }
}

/** Open claims go back to their queues. */
export async function disconnect({ consumer, backend, broker }: Connections): Promise<void> {
  await consumer.close()
  await backend.close()
  await broker.close()
}

function queuesOf(app: AppDescription): readonly string[] {
  return [...new Set([app.defaultQueue, ...app.tasks.flatMap(({ queue }) => (queue === null ? [] : [queue]))])]
}
