import type { Measure } from '../../measure.ts'
import { summary } from '../../statistics.ts'
import { CAROM_RABBITMQ, CELERY_RABBITMQ, openRow, openSender, type Row } from '../rows.ts'
import { BATCH } from '../systems/system.ts'
import { secondsOf } from '../timed.ts'

const ETA_MS = 5_000
const ETAS = 20
const plan = (isQuick: boolean, isFast: boolean) => (isFast ? 10 : 4) * BATCH * (isQuick ? 0.25 : 1)

export const rabbitmq: Measure<Row> = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  describe: (isQuick) =>
    `End to end as above, with ${plan(isQuick, true)} tasks (Celery ${plan(isQuick, false)}); the same sent to a queue that nobody consumes, ${BATCH} at a time, each batch when the broker has confirmed the one before (Celery: each call); and how late ${ETAS} tasks start that are due ${ETA_MS / 1_000} s after they are sent. Durable classic queues, persistent messages.`,
  columns: [
    { figure: 'endToEnd', heading: 'end to end, tasks/s', better: 'more' },
    { figure: 'publish', heading: 'confirmed in bulk, calls/s', better: 'more' },
    { figure: 'lateP50Ms', heading: `${ETA_MS / 1_000} s: late by, p50, ms`, better: null },
    { figure: 'lateMaxMs', heading: 'at most, ms', better: 'less' },
  ],
  rows: [CAROM_RABBITMQ, CELERY_RABBITMQ],
  rounds: 3,
  run: async (row, isQuick) => {
    const count = plan(isQuick, row.isFast)
    const { client, worker } = await openRow(row)
    const all = async (tasks: number) => {
      await client.sendMany('noop', tasks, 1)
      await client.results()
    }
    await all(count / 2)
    const endToEnd = count / (await secondsOf(() => all(count)))
    const late = summary(await client.latenessMs(ETAS, ETA_MS))
    await client.close()
    await worker.stop()
    return { endToEnd, publish: await publishPerSecond(row, count), lateP50Ms: late.median, lateMaxMs: late.max }
  },
}

async function publishPerSecond(row: Row, count: number): Promise<number> {
  const client = await openSender(row)
  await client.sendMany('noop', count / 2, 1)
  return count / (await secondsOf(() => client.sendMany('noop', count, 1)))
}
