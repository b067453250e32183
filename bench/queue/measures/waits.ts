import type { Measure } from '../../measure.ts'
import { summary } from '../../statistics.ts'
import { BEE_QUEUE, BULLMQ_INLINE, CAROM_FILE, CAROM_REDIS, manyAtOnce, openRow, type Row } from '../rows.ts'
import { BATCH } from '../systems/system.ts'
import { secondsOf } from '../timed.ts'

const TASKS = 200
const WAIT_MS = 50

export const waits: Measure<Row> = {
  name: 'waits',
  title: 'Tasks that wait',
  describe: () =>
    `${TASKS} tasks sent at once that wait for ${WAIT_MS} ms each, until the sender has the last result. Where all run at once it cannot take less than ${WAIT_MS} ms, with a concurrency of 100 not less than ${2 * WAIT_MS} ms. Celery's prefork pool and BullMQ's sandbox hold one task in a child and cannot.`,
  columns: [{ figure: 'allMs', heading: 'all done, ms', better: 'less', digits: 1 }],
  rows: [
    manyAtOnce(CAROM_REDIS),
    manyAtOnce(CAROM_FILE),
    BULLMQ_INLINE,
    {
      ...BULLMQ_INLINE,
      name: 'BullMQ, inline, 200 at once',
      worker: { children: 0, perChild: 200 },
      settings: 'concurrency 200',
    },
    BEE_QUEUE,
  ],
  rounds: 5,
  run: async (row, isQuick) => {
    const { client } = await openRow(row)
    const batch = async (task: 'noop' | 'wait', count: number, value: number) => {
      await client.sendMany(task, count, value)
      await client.results()
    }
    await batch('noop', 2 * BATCH, 1)
    const times: number[] = []
    for (let time = -2; time < (isQuick ? 3 : 10); time++) {
      const seconds = await secondsOf(() => batch('wait', TASKS, WAIT_MS))
      if (time >= 0) times.push(seconds * 1_000)
    }
    return { allMs: summary(times).median }
  },
}
