/** Plays the worker in tests of the sending side: takes messages from the store and stores outcomes in it. */
import type { TestContext } from 'node:test'
import { Carom } from '../../src/app/app.ts'
import type { CaromOptions } from '../../src/app/app-options.ts'
import type { Consumer, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open.ts'
import { encodeFailure, type FailureToEncode } from '../../src/message/failure-meta.ts'
import { readTaskBody, type TaskBody } from '../../src/message/task-message.ts'
import { encodeWireJson } from '../../src/message/wire-json.ts'
import type { ResultMeta } from '../../src/results/meta.ts'

export interface Desk {
  /** The next message of the queues, claimed. Fails after two seconds. */
  next(): Promise<Delivery>
  succeed(delivery: Delivery, value: unknown): Promise<void>
  fail(delivery: Delivery, failure: FailureToEncode): Promise<void>
  /** Stores any meta and ends the message. */
  settle(delivery: Delivery, meta: Partial<ResultMeta>): Promise<void>
}

/** An app on a memory store of its own, closed after the test. */
export function createApp(t: TestContext, options: CaromOptions = {}): Carom {
  const app = new Carom('shop', { broker: memoryUrl(), ...options })
  t.after(() => app.close())
  return app
}

export function memoryUrl(): string {
  stores += 1
  return `memory:app-test-${process.pid}-${stores}`
}

let stores = 0

export async function openDesk(t: TestContext, url: string, queues: readonly string[] = ['shop']): Promise<Desk> {
  const broker = await openBroker(url, { appName: 'shop' })
  const consumer = await broker.consumer({ queues, leaseMs: 60_000, node: 'desk' })
  t.after(() => broker.close())
  const settle: Desk['settle'] = (delivery, meta) => settleOne(consumer, delivery, meta)
  return {
    next: async () => {
      const [delivery] = await consumer.claim(1, { signal: AbortSignal.timeout(2_000) })
      if (delivery === undefined) throw new Error('No message came within two seconds')
      return delivery
    },
    succeed: (delivery, value) => settle(delivery, { status: 'SUCCESS', result: jsonBytes(value) }),
    fail: (delivery, failure) => settle(delivery, { status: 'FAILURE', result: jsonBytes(encodeFailure(failure)) }),
    settle,
  }
}

export function bodyOf(delivery: Delivery): TaskBody {
  return readTaskBody(delivery.message)
}

export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(encodeWireJson(value))
}

async function settleOne(consumer: Consumer, delivery: Delivery, meta: Partial<ResultMeta>): Promise<void> {
  const result: ResultMeta = {
    taskId: delivery.message.headers.id,
    status: 'SUCCESS',
    result: jsonBytes(null),
    traceback: null,
    children: [],
    parentId: null,
    groupId: null,
    doneAtMs: Date.now(),
    ...meta,
  }
  const [outcome] = await consumer.settle([{ token: delivery.token, result, next: [], end: { type: 'ack' } }])
  if (outcome !== 'settled') throw new Error(`The claim of ${result.taskId} was ${outcome}`)
}
