/** What the worker holds open: broker, result backend, its consumer, and what its app has registered. */
import type { Broker, Consumer } from '../brokers/broker.ts'
import { openBroker } from '../brokers/open.ts'
import { isCaromError } from '../errors.ts'
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
  /** How its results name this worker, where they say what their call was. */
  readonly extendedBy: string | null
  /** The content types that the app's children read. */
  readonly acceptContent: ReadonlySet<string>
}

export interface ConnectOptions {
  readonly node: string
  readonly queues: readonly string[] | null
  readonly leaseMs: number
}

/** @throws what kept broker, backend or consumer from opening; nothing is left open then. */
export async function connect(app: AppDescription, options: ConnectOptions): Promise<Connections> {
  const brokerUrl = app.broker ?? process.env.CAROM_BROKER_URL
  const backendUrl = app.resultBackend ?? process.env.CAROM_RESULT_BACKEND ?? brokerUrl
  const opened: Closable[] = []
  try {
    const opening = { appName: app.name, resultExpiresMs: app.resultExpiresMs ?? undefined }
    const broker = await openBroker(brokerUrl, opening)
    opened.unshift(broker)
    const backend = await openBackend(backendUrl, { ...opening, brokerUrl })
    opened.unshift(backend)
    const queues = options.queues ?? queuesOf(app)
    const consumer = await broker.consumer({ queues, leaseMs: options.leaseMs, node: options.node })
    const tasks = new Map(app.tasks.map((task) => [task.name, task]))
    const acceptContent = new Set(app.acceptContent)
    const extendedBy = app.resultExtended ? options.node : null
    const fused = broker.store === backend.store
    return { broker, backend, consumer, fused, queues, tasks, extendedBy, acceptContent }
  } catch (error) {
    await closeAll(opened).catch(() => {})
    throw error
  }
}

/** Open claims go back to their queues. Closes all of it, and only then rejects if something could not be closed. */
export function disconnect({ consumer, backend, broker }: Connections): Promise<void> {
  return closeAll([consumer, backend, broker])
}

/** Whether no further try can succeed: whoever supervises the worker has to start it anew. */
export function isStoreLost(error: unknown): boolean {
  return isCaromError(error, 'CAROM_STORE_GONE') || isCaromError(error, 'CAROM_STORE_CORRUPT')
}

interface Closable {
  close(): Promise<void>
}

async function closeAll(opened: readonly Closable[]): Promise<void> {
  const failures: unknown[] = []
  for (const each of opened) await each.close().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}

function queuesOf(app: AppDescription): readonly string[] {
  return [...new Set([app.defaultQueue, ...app.tasks.flatMap(({ queue }) => (queue === null ? [] : [queue]))])]
}
