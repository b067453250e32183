/** The store of a project folder, seen from the test: what the command line did must be there. */
import { join } from 'node:path'
import type { Broker, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { encodeFailure, type FailureToEncode } from '../../src/message/failure-meta.ts'
import { buildTaskMessage, type TaskCall } from '../../src/message/task-message.ts'
import { openBackend } from '../../src/results/open.ts'
import type { Owner } from './cli-process.ts'

export interface Store {
  readonly broker: Broker
  send(task: string, id: string, args?: readonly unknown[], more?: Partial<TaskCall>): Promise<void>
  /** Puts a message of the queue "shop" into quarantine. */
  setAside(task: string, id: string, reason: string, more?: Partial<TaskCall>): Promise<void>
  state(id: string): Promise<string>
  /** Stores a failure as a worker would. */
  fail(id: string, failure: FailureToEncode): Promise<void>
  /** Waiting, delayed and claimed messages by queue. */
  depths(): Promise<Record<string, readonly [number, number, number]>>
  /** Claims all waiting messages of a queue, as a worker would. */
  take(queue: string): Promise<readonly Delivery[]>
}

export async function openStore(owner: Owner, folder: string): Promise<Store> {
  const url = `embedded:${join(folder, '.carom', 'shop.sqlite')}`
  const broker = await openBroker(url, { appName: 'shop' })
  const backend = await openBackend(url, { appName: 'shop' })
  owner.after(async () => {
    await backend.close()
    await broker.close()
  })
  const send: Store['send'] = async (task, id, args = [], more = {}) => {
    const message = buildTaskMessage({ task, id, args, kwargs: {}, ...more })
    await broker.publish([{ queue: 'shop', message }])
  }
  return {
    broker,
    send,
    async setAside(task, id, reason, more = {}) {
      await send(task, id, ['s3cret'], more)
      const consumer = await broker.consumer({ queues: ['shop'], leaseMs: 60_000, node: 'test' })
      const deliveries = await consumer.claim(100, { signal: new AbortController().signal })
      await consumer.settle(
        deliveries.map(({ token }) => ({ token, result: null, next: [], end: { type: 'quarantine', reason } })),
      )
      await consumer.close()
    },
    state: async (id) => (await backend.load([id]))[0]?.status ?? 'PENDING',
    async fail(taskId, failure) {
      const result = Buffer.from(JSON.stringify(encodeFailure(failure)))
      const facts = { children: [], parentId: null, groupId: null, doneAtMs: Date.now() }
      await backend.save([{ taskId, status: 'FAILURE', result, traceback: failure.stack, ...facts }])
    },
    async depths() {
      const depths = await broker.depths()
      return Object.fromEntries(
        depths.map(({ queue, waiting, delayed, claimed }) => [queue, [waiting, delayed, claimed]]),
      )
    },
    async take(queue) {
      const consumer = await broker.consumer({ queues: [queue], leaseMs: 60_000, node: 'test' })
      owner.after(() => consumer.close())
      return consumer.claim(100, { signal: new AbortController().signal })
    },
  }
}
