import type { Measure } from '../../measure.ts'
import { treeCpuMs } from '../../processes.ts'
import {
  BEE_QUEUE,
  BOUND,
  BULLMQ_INLINE,
  BULLMQ_SANDBOXED,
  CAROMS,
  CELERY,
  type OpenRow,
  openRow,
  type Row,
} from '../rows.ts'
import { BATCH } from '../systems/system.ts'
import { secondsOf } from '../timed.ts'

const plan = (isQuick: boolean, isFast: boolean) => (isFast ? 20 : 6) * BATCH * (isQuick ? 0.25 : 1)

export const endToEnd: Measure<Row> = {
  name: 'end-to-end',
  title: 'End to end',
  describe: (isQuick) =>
    `${plan(isQuick, true)} tasks that do nothing (${plan(isQuick, false)} of the slow ones), sent ${BATCH} at a time to a worker that is there, until the sender has the last result, and what processor time one took in sender, server, worker and children together; results are stored, and a task is acknowledged after its result is. Then as many that are sent while the worker is stopped (SIGSTOP), from the moment it goes on. Results come to the sender as each queue's own events. Redis writes nothing to disk (appendonly no, save "") unless the row says so.`,
  columns: [
    { figure: 'endToEnd', heading: 'tasks/s', better: 'more' },
    { figure: 'cpuUs', heading: 'processor time, µs', better: 'less' },
    { figure: 'backlog', heading: 'of a backlog, tasks/s', better: 'more' },
  ],
  rows: [...CAROMS, BULLMQ_INLINE, BULLMQ_SANDBOXED, BEE_QUEUE, CELERY, BOUND],
  rounds: 5,
  run: async (row, isQuick) => {
    const count = plan(isQuick, row.isFast)
    const open = await openRow(row)
    if (row === BOUND) return { endToEnd: null, cpuUs: null, backlog: await backlog(open, count) }
    await sendAndWait(open, count / 2)
    const usedBeforeMs = treeCpuMs(process.pid)
    const perSecond = count / (await secondsOf(() => sendAndWait(open, count)))
    const usedMs = treeCpuMs(process.pid) - usedBeforeMs
    return {
      endToEnd: perSecond,
      cpuUs: usedMs === 0 ? null : (usedMs * 1_000) / count,
      backlog: await backlog(open, count),
    }
  },
}

async function sendAndWait({ client }: OpenRow, count: number): Promise<void> {
  await client.sendMany('noop', count, 1)
  await client.results()
}

async function backlog({ client, worker }: OpenRow, count: number): Promise<number> {
  process.kill(worker.pid, 'SIGSTOP')
  await client.sendMany('noop', count, 1)
  return (
    count /
    (await secondsOf(async () => {
      process.kill(worker.pid, 'SIGCONT')
      await client.results()
    }))
  )
}
