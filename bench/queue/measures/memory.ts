import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Column, Measure } from '../../measure.ts'
import { BEE_QUEUE, BULLMQ_INLINE, CAROM_REDIS, CELERY, openRow, type Row } from '../rows.ts'
import { connectTo } from '../stores/redis.ts'
import { BATCH } from '../systems/system.ts'

const KIB = 1024
const WARM_UPS = 4 * BATCH
const plan = (isQuick: boolean, isFast: boolean) => (isFast ? 100_000 : 10_000) * (isQuick ? 0.1 : 1)

export const memory: Measure<Row> = {
  name: 'memory',
  title: 'What Redis holds after many tasks that nobody asks about',
  describe: (isQuick) =>
    `used_memory and the number of keys after ${WARM_UPS} tasks, and after ${plan(isQuick, true)} more (Celery ${plan(isQuick, false)}): all have ended, none has left a result, as each queue is told to do it.`,
  columns: [
    column('before', 'before, KiB'),
    column('after', 'after, KiB'),
    column('gained', 'gained, KiB'),
    column('keysBefore', 'keys before'),
    column('keysAfter', 'after'),
  ],
  rows: [
    { ...CAROM_REDIS, settings: 'ignoreResult' },
    { ...BULLMQ_INLINE, settings: 'removeOnComplete; its stream of events keeps the last 10,000' },
    { ...BEE_QUEUE, settings: 'removeOnSuccess' },
    { ...CELERY, settings: 'ignore_result' },
  ],
  rounds: 1,
  run: async (row, isQuick) => {
    const { store, client } = await openRow(row, { forgets: true })
    const redis = connectTo(Number(store.port))
    await client.sendIgnored(WARM_UPS)
    const before = await whenQuiet(redis)
    await client.sendIgnored(plan(isQuick, row.isFast))
    const after = await whenQuiet(redis)
    return {
      before: before.bytes / KIB,
      after: after.bytes / KIB,
      gained: (after.bytes - before.bytes) / KIB,
      keysBefore: before.keys,
      keysAfter: after.keys,
    }
  },
}

interface Held {
  readonly bytes: number
  readonly keys: number
}

/** Once nobody has changed anything for a second. The commands of this look and of idle workers write nothing. */
async function whenQuiet(redis: Redis): Promise<Held> {
  let changes = await changesOf(redis)
  for (let quiet = 0; quiet < 10; ) {
    await pause(100)
    const now = await changesOf(redis)
    quiet = now === changes ? quiet + 1 : 0
    changes = now
  }
  return { bytes: await fact(redis, 'memory', 'used_memory'), keys: await redis.dbsize() }
}

function changesOf(redis: Redis): Promise<number> {
  return fact(redis, 'persistence', 'rdb_changes_since_last_save')
}

export async function fact(redis: Redis, section: string, name: string): Promise<number> {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await redis.info(section))?.[1])
}

function column(figure: string, heading: string): Column {
  return { figure, heading, better: null }
}
