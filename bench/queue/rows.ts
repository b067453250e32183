/** The queues that are compared: Carom on each of its stores, and its peers as they are fastest. */
import type { Contender } from '../measure.ts'
import { openStore } from './stores/open.ts'
import type { Store, StoreName } from './stores/store.ts'
import { PREFETCH_MULTIPLIER } from './systems/celery.ts'
import { SYSTEMS, type SystemName } from './systems/index.ts'
import type { Client, Worker, WorkerSettings } from './systems/system.ts'

export interface Row extends Contender {
  readonly system: SystemName
  readonly store: StoreName
  readonly worker: WorkerSettings
  /** A slow one is given fewer tasks: it needs no more to show how slow. */
  readonly isFast: boolean
}

const REDIS = 'redis'
const RABBITMQ = 'rabbitmq'
const ONE_EACH: WorkerSettings = { children: 2, perChild: 1 }
const HUNDRED_EACH: WorkerSettings = { children: 2, perChild: 100 }
const HUNDRED_INLINE: WorkerSettings = { children: 0, perChild: 100 }

export const CAROM_FILE = carom('Carom, embedded', 'file', 'file', 'every commit synced to disk')
export const CAROM_FILE_PROCESS = carom(
  'Carom, embedded, durability=process',
  'file-process',
  'file-process',
  'synced by the system',
)
export const CAROM_REDIS = carom('Carom, Redis', 'redis', REDIS, '')
export const CAROM_REDIS_EVERYSEC = carom(
  'Carom, Redis, everysec',
  'redis-everysec',
  'redis-everysec',
  'appendfsync everysec',
)
export const CAROM_RABBITMQ = carom('Carom, RabbitMQ', 'rabbitmq', RABBITMQ, 'results by rpc://')
/** Carom where the others are, Redis first. */
export const CAROMS: readonly Row[] = [CAROM_REDIS, CAROM_REDIS_EVERYSEC, CAROM_FILE, CAROM_FILE_PROCESS]

export const BULLMQ_INLINE = peer(
  'BullMQ, inline',
  'bullmq-inline',
  HUNDRED_INLINE,
  'concurrency 100 in the worker itself',
)
export const BULLMQ_SANDBOXED = peer(
  'BullMQ, sandboxed',
  'bullmq-sandboxed',
  ONE_EACH,
  'concurrency 2, child processes',
)
export const BEE_QUEUE = peer(
  'bee-queue, inline',
  'bee-queue',
  HUNDRED_INLINE,
  'concurrency 100 in the worker itself; results are sent, not stored',
)
export const CELERY = { ...peer('Celery, prefork', 'celery', ONE_EACH, celerySettings()), isFast: false }
export const CELERY_RABBITMQ: Row = {
  ...CELERY,
  store: 'rabbitmq',
  group: RABBITMQ,
  settings: `${celerySettings()}, confirm_publish, results by rpc://`,
}
export const BOUND = peer(
  'no queue: the bound',
  'bound',
  ONE_EACH,
  'one process claims, stores, publishes and acks in Lua batches of 128; nothing is run',
)

/** Many tasks at once, which suits tasks that wait. */
export function manyAtOnce(row: Row): Row {
  return { ...row, worker: HUNDRED_EACH, settings: joined(row.settings, '2 children x 100') }
}

export interface OpenRow {
  readonly store: Store
  readonly client: Client
  readonly worker: Worker
}

/** @throws what the system throws: that it is not installed, for one. */
export async function openRow(
  { system, store: name, worker }: Row,
  changes: Partial<WorkerSettings> = {},
): Promise<OpenRow> {
  const settings = { ...worker, ...changes }
  const store = await openStore(name)
  return {
    store,
    worker: await SYSTEMS[system].startWorker(store, settings),
    client: await SYSTEMS[system].openClient(store, settings),
  }
}

/** Without a worker: what is sent stays. */
export async function openSender({ system, store, worker }: Row): Promise<Client> {
  return SYSTEMS[system].openClient(await openStore(store), worker)
}

function carom(name: string, store: StoreName, group: string, settings: string): Row {
  const text = joined('2 children', settings)
  return { name, system: 'carom', store, group, settings: text, worker: ONE_EACH, isFast: true }
}

function peer(name: string, system: SystemName, worker: WorkerSettings, settings: string): Row {
  return { name, system, store: 'redis', group: REDIS, settings, worker, isFast: system !== 'bullmq-sandboxed' }
}

function celerySettings(): string {
  return `concurrency 2, acks_late, prefetch multiplier ${PREFETCH_MULTIPLIER}, no events`
}

function joined(...settings: readonly string[]): string {
  return settings.filter((text) => text !== '').join(', ')
}
