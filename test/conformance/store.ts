/** What the conformance suites of brokers and result backends share. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Broker, Consumer, Delivery, Outgoing, Settlement } from '../../src/brokers/broker.ts'
import type { MessageProperties, TaskHeaders } from '../../src/message/message.ts'
import type { ResultBackend } from '../../src/results/backend.ts'
import type { ResultMeta } from '../../src/results/meta.ts'

/** A broker and a result backend on one store. */
export interface OpenedStore {
  readonly broker: Broker
  readonly backend: ResultBackend
}

/** The first call opens an empty store, each further one the same store once more. Whoever runs the case closes them. */
export type OpenStore = () => Promise<OpenedStore>

/** In what one store may differ from another without being wrong. */
export interface StoreTraits {
  /** Which end of the scale of priorities goes first: Celery's is turned round on Redis. */
  readonly firstPriority: 'high' | 'low'
  /** Equal priorities are first in, first out over all queues of a consumer, not only within each. */
  readonly ordersAcrossQueues: boolean
  /** A message that is not due counts as delayed once it is published, not only when a consumer has met it. */
  readonly delaysAtPublish: boolean
  /** A result that is not JSON is not kept: what Celery reads is JSON. */
  readonly resultsAreJson: boolean
  /** The size of a chord that nobody has opened is what its messages say; a store of Celery's own goes by its counter. */
  readonly takesSizeFromMessages: boolean
  /** What is not due yet belongs to its queue: it is counted and purged with it, and becomes due in the queue's order. */
  readonly delaysInQueue: boolean
  /** How much later than due a message may come, beside what the machine takes. */
  readonly delayStepMs: number
  /** AMQP's tables have integers of 64 bits and no NaN; its properties are a closed list. */
  readonly headers: 'json' | 'amqp'
  /** Results are stored, with all that is known of them and for anybody to read. */
  readonly storesResults: boolean
}

export interface ConformanceCase {
  readonly name: string
  /** Absent: every store does it. */
  readonly applies?: (traits: StoreTraits) => boolean
  run(open: OpenStore, traits: StoreTraits): Promise<void>
}

export interface MessageOptions {
  readonly id?: string
  readonly queue?: string
  readonly headers?: Partial<TaskHeaders>
  readonly properties?: MessageProperties
  readonly body?: Uint8Array
}

export function outgoing(options: MessageOptions = {}): Outgoing {
  const { id = randomUUID(), queue = 'q', headers = {}, properties = {}, body = Buffer.from('[[],{},{}]') } = options
  return {
    queue,
    message: {
      headers: { lang: 'js', task: 'shop.add', id, ...headers },
      properties,
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      body,
    },
  }
}

/** Messages with these ids, in this order. */
export function numbered(ids: readonly (string | number)[], options: MessageOptions = {}): Outgoing[] {
  return ids.map((id) => outgoing({ ...options, id: String(id) }))
}

export function meta(taskId: string, fields: Partial<ResultMeta> = {}): ResultMeta {
  return {
    taskId,
    status: 'SUCCESS',
    result: Buffer.from('5'),
    traceback: null,
    children: [],
    parentId: null,
    groupId: null,
    doneAtMs: 1_763_900_000_123,
    ...fields,
  }
}

export function consumerOf(broker: Broker, { queues = ['q'], leaseMs = 30_000 } = {}): Promise<Consumer> {
  return broker.consumer({ queues, leaseMs, node: 'n1@here' })
}

/** Claims until `count` deliveries are there; fails after `withinMs`. */
export async function claimCount(consumer: Consumer, count: number, withinMs = 5_000): Promise<Delivery[]> {
  const signal = AbortSignal.timeout(withinMs)
  const deliveries: Delivery[] = []
  while (deliveries.length < count) {
    deliveries.push(...(await consumer.claim(count - deliveries.length, { signal })))
    if (signal.aborted) assert.fail(`Got ${deliveries.length} of ${count} messages within ${withinMs} ms`)
  }
  return deliveries
}

export async function claimOne(consumer: Consumer): Promise<Delivery> {
  const [delivery] = await claimCount(consumer, 1)
  assert.ok(delivery)
  return delivery
}

export function idsOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ message }) => message.headers.id)
}

export function acked({ token }: Delivery, fields: Partial<Settlement> = {}): Settlement {
  return { token, result: null, next: [], end: { type: 'ack' }, ...fields }
}

export function released({ token }: Delivery, count: 'none' | 'crash' | 'foreign' = 'none', delayMs = 0): Settlement {
  return { token, result: null, next: [], end: { type: 'release', delayMs, count } }
}

/** Whether there is nothing to claim: a claim that would have to wait. */
export async function isIdle({ broker }: OpenedStore): Promise<boolean> {
  return (await broker.depths()).every(({ waiting }) => waiting === 0)
}

/** The first delayed message of a store may have to wait until there is a place for it to wait in. */
export async function setUpDelays(broker: Broker): Promise<void> {
  await broker.publish([outgoing({ queue: 'far', headers: { eta: new Date(Date.now() + 3_600_000).toISOString() } })])
  await broker.purge('far')
}
