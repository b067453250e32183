import type { Measure } from '../../measure.ts'
import {
  BEE_QUEUE,
  BULLMQ_INLINE,
  CAROM_FILE,
  CAROM_FILE_PROCESS,
  CAROM_REDIS,
  CAROM_REDIS_EVERYSEC,
  CELERY,
  openSender,
  type Row,
} from '../rows.ts'
import { BATCH } from '../systems/system.ts'
import { secondsOf } from '../timed.ts'

const plan = (isQuick: boolean) => (isQuick ? { each: 500, many: 4 * BATCH } : { each: 3_000, many: 20 * BATCH })

export const enqueue: Measure<Row> = {
  name: 'enqueue',
  title: 'Enqueue',
  describe: (isQuick) =>
    `${plan(isQuick).each} calls sent one by one, each when the one before is confirmed, and ${plan(isQuick).many} sent ${BATCH} at a time; no worker runs. What is sent is kept as in the table above.`,
  columns: [
    { figure: 'each', heading: 'one by one, calls/s', better: 'more' },
    { figure: 'many', heading: 'in bulk, calls/s', better: 'more' },
  ],
  rows: [
    sender(CAROM_REDIS, ''),
    sender(CAROM_REDIS_EVERYSEC),
    sender(CAROM_FILE),
    sender(CAROM_FILE_PROCESS),
    { ...sender(BULLMQ_INLINE, 'add, addBulk'), name: 'BullMQ' },
    { ...sender(BEE_QUEUE, 'save, saveAll'), name: 'bee-queue' },
    { ...sender(CELERY, 'apply_async with one producer for all: it has no call for many'), name: 'Celery' },
  ],
  rounds: 5,
  run: async (row, isQuick) => {
    const { each, many } = plan(isQuick)
    const client = await openSender(row)
    await client.sendEach(each / 2)
    await client.sendMany('noop', many / 2, 1)
    return {
      each: each / (await secondsOf(() => client.sendEach(each))),
      many: many / (await secondsOf(() => client.sendMany('noop', many, 1))),
    }
  },
}

/** What is said of a worker's children does not belong here. */
function sender(row: Row, settings = row.settings.replace('2 children, ', '')): Row {
  return { ...row, settings }
}
