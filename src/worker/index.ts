/** `carom/worker`: a worker in your own process. `carom worker` on the command line is the same with a terminal around it. */
import { hostname } from 'node:os'
import { locateApp } from '../app/app-module.ts'
import type { AppDescription } from './child/description.ts'
import { type Connections, connect, disconnect } from './connections.ts'
import { answerControl, type Inspected, namesOf } from './control-listener.ts'
import { Executor } from './executor.ts'
import { fillWorkerOptions, type WorkerOptions } from './options.ts'
import { isStopStage, nextStage } from './shutdown.ts'
import { WorkerNode } from './worker.ts'

export type { LogFacts, Logger } from './log.ts'
export type { WorkerOptions } from './options.ts'

/** A running worker. */
export interface Worker {
  /** The app's name. */
  readonly app: string
  /** Its name in `carom inspect`. */
  readonly node: string
  readonly queues: readonly string[]
  /** Names the store it consumes from. */
  readonly store: string
  /** Names of the tasks its app registers, sorted. */
  readonly tasks: readonly string[]
  /**
   * Ends the worker. `warm` lets running tasks finish; `cold` aborts their signals and kills them after `coldGraceMs`;
   * `now` kills them. What did not finish goes back to its queue. A later call may only go further.
   * Resolves when everything has ended.
   */
  stop(stage?: 'warm' | 'cold' | 'now'): Promise<void>
  /** Resolves when the worker has ended; rejects if it had to end by itself (its store is lost). */
  readonly ended: Promise<void>
}

/**
 * Starts a worker in this process and resolves when it consumes. Tasks run in child processes, never here.
 *
 * Installs no signal handler unless `signals` is set.
 *
 * @throws CaromError `CAROM_APP_NOT_FOUND`, `CAROM_APP_TYPESCRIPT`; `CAROM_CHILD_START` if no child could load the app
 * (its `cause` says why); `CAROM_POOL_CLOSED` if signals have ended it before it had started; the store's errors
 * (`CAROM_STORE_...`, `CAROM_EMBEDDED_REFUSED`, `CAROM_URL_UNSUPPORTED`).
 *
 * @example
 * const worker = await startWorker({ app: new URL('./tasks.js', import.meta.url), concurrency: 4 })
 * // ...
 * await worker.stop()
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const filled = fillWorkerOptions(options)
  const node = new WorkerNode(filled)
  const executor = new Executor(filled, locateApp(filled.app, process.cwd()), node)
  node.use(executor)
  const release = filled.signals ? onSignals(node) : () => {}
  let connections: Connections | null = null
  try {
    const app = await executor.start()
    const name = filled.node ?? `${app.name}@${hostname()}-${process.pid}`
    connections = await connect(app, { node: name, queues: filled.queues, leaseMs: filled.leaseMs })
    const inspected = inspect(name, node, executor, connections)
    const mailbox = await connections.broker.mailbox.serve(name, async (request) => answerControl(inspected, request))
    const ended = runToEnd(node, executor, connections, mailbox).finally(release)
    ended.catch(() => {})
    return face(app, node, inspected, ended)
  } catch (error) {
    release()
    await executor.kill()
    if (connections !== null) await disconnect(connections).catch(() => {})
    throw error
  }
}

function face(app: AppDescription, worker: WorkerNode, inspected: Inspected, ended: Promise<void>): Worker {
  return {
    app: app.name,
    node: inspected.node,
    queues: inspected.queues,
    store: inspected.store,
    tasks: namesOf(inspected),
    stop(stage = 'warm') {
      if (!isStopStage(stage))
        return Promise.reject(new TypeError(`Cannot stop a worker "${stage}": warm, cold or now`))
      worker.stop(stage)
      return ended
    },
    ended,
  }
}

async function runToEnd(
  node: WorkerNode,
  executor: Executor,
  connections: Connections,
  mailbox: { close(): Promise<void> },
): Promise<void> {
  await node.run(connections)
  await (node.stage === 'now' ? executor.kill() : executor.close())
  await mailbox.close()
  await disconnect(connections).catch((error: unknown) => {
    node.fatal ??= error
  })
  if (node.fatal !== null) throw node.fatal
}

function onSignals(node: WorkerNode): () => void {
  const climb = (): void => node.stop(nextStage(node.stage) as 'warm' | 'cold' | 'now')
  process.on('SIGTERM', climb)
  process.on('SIGINT', climb)
  return () => {
    process.off('SIGTERM', climb)
    process.off('SIGINT', climb)
  }
}

function inspect(name: string, node: WorkerNode, executor: Executor, connections: Connections): Inspected {
  const { queues, tasks, broker } = connections
  return {
    node: name,
    queues,
    tasks,
    store: broker.store,
    get uptimeMs() {
      return node.uptimeMs
    },
    get totals() {
      return node.totals
    },
    get active() {
      return node.active
    },
    pool: () => executor.stats(),
  }
}
