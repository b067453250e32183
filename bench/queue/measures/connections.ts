import { setTimeout as pause } from 'node:timers/promises'
import type { Measure } from '../../measure.ts'
import { BEE_QUEUE, BULLMQ_INLINE, BULLMQ_SANDBOXED, CAROM_REDIS, CELERY, openRow, type Row } from '../rows.ts'
import { connectTo } from '../stores/redis.ts'
import { fact } from './memory.ts'

const FEW = 2
const MANY = 16
const SETTLE_MS = 1_000

export const connections: Measure<Row> = {
  name: 'connections',
  title: "A worker's connections to Redis",
  describe: () =>
    `Of one worker that has run some tasks, with ${FEW} and with ${MANY} children; those that run tasks in themselves have a concurrency of ${FEW} and ${MANY}.`,
  columns: [
    { figure: 'few', heading: `${FEW} children`, better: null },
    { figure: 'many', heading: `${MANY} children`, better: null },
  ],
  rows: [CAROM_REDIS, BULLMQ_INLINE, BULLMQ_SANDBOXED, BEE_QUEUE, CELERY].map((row) => ({ ...row, settings: '' })),
  rounds: 1,
  run: async (row) => ({ few: await connectionsOf(row, FEW), many: await connectionsOf(row, MANY) }),
}

async function connectionsOf(row: Row, count: number): Promise<number> {
  const { store, client } = await openRow(row, row.worker.children === 0 ? { perChild: count } : { children: count })
  await client.sendMany('noop', 20 * count, 1)
  await client.results()
  await client.close()
  const redis = connectTo(Number(store.port))
  // The server hears of the closing a moment later.
  await pause(SETTLE_MS)
  const all = await fact(redis, 'clients', 'connected_clients')
  return all - 1
}
