/** A worker in this process on the lab's store, whose consumer a test may stand in front of: to watch it, or to fail. */
import type { TestContext } from 'node:test'
import { locateApp } from '../../src/app/app-module.ts'
import type { Broker, Consumer } from '../../src/brokers/broker.ts'
import { connect, disconnect } from '../../src/worker/connections.ts'
import { Executor } from '../../src/worker/executor.ts'
import { fillWorkerOptions, type WorkerOptions } from '../../src/worker/options.ts'
import { WorkerNode } from '../../src/worker/worker.ts'
import { APP, START } from './lab.ts'

export interface NodeLab {
  readonly node: WorkerNode
  readonly broker: Broker
  /** Resolves when the worker has nothing left in hand. */
  readonly ended: Promise<void>
}

/** `standIn` gives what is to be called instead of the consumer's own methods. */
export async function startNode(
  t: TestContext,
  options: Partial<WorkerOptions>,
  standIn: (real: Consumer) => Partial<Consumer>,
): Promise<NodeLab> {
  const filled = fillWorkerOptions({ app: APP, concurrency: 1, ...START, ...options })
  const node = new WorkerNode(filled)
  const executor = new Executor(filled, locateApp(filled.app, process.cwd()), node)
  node.use(executor)
  const connections = await connect(await executor.start(), { node: 'lab', queues: null, leaseMs: filled.leaseMs })
  const real = connections.consumer
  const consumer: Consumer = {
    settlesInTurn: real.settlesInTurn,
    claim: (max, asked) => real.claim(max, asked),
    renew: (tokens) => real.renew(tokens),
    settle: (settlements) => real.settle(settlements),
    close: () => real.close(),
    ...standIn(real),
  }
  const ended = node.run({ ...connections, consumer })
  t.after(async () => {
    node.stop('now')
    await ended
    await executor.kill()
    await disconnect(connections)
  })
  return { node, broker: connections.broker, ended }
}
