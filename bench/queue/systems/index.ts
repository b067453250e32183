/** Everything that is measured. */
import { beeQueue } from './bee-queue.ts'
import { bound } from './bound.ts'
import { bullmq } from './bullmq.ts'
import { carom } from './carom.ts'
import { celery } from './celery.ts'
import type { System } from './system.ts'

export const SYSTEMS = {
  carom,
  'bullmq-inline': bullmq('inline'),
  'bullmq-sandboxed': bullmq('sandboxed'),
  'bee-queue': beeQueue,
  celery,
  bound,
} satisfies Record<string, System>

export type SystemName = keyof typeof SYSTEMS
