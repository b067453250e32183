import { setTimeout as pause } from 'node:timers/promises'
import { randomFrom } from '../../clock.ts'
import type { Measure } from '../../measure.ts'
import { treeCpuMs } from '../../processes.ts'
import { summary } from '../../statistics.ts'
import {
  BEE_QUEUE,
  BULLMQ_INLINE,
  BULLMQ_SANDBOXED,
  CAROM_FILE,
  CAROM_RABBITMQ,
  CAROM_REDIS,
  CELERY,
  CELERY_RABBITMQ,
  openRow,
  type Row,
} from '../rows.ts'
import { BATCH } from '../systems/system.ts'

const WARM_UPS = 2 * BATCH
const SEED = 7
const IDLE_GAP_MS = 35
const WORK_MS = 5
const LOAD_GAP_MS = 10
const plan = (isQuick: boolean) =>
  isQuick ? { samples: 40, tasks: 80, idleMs: 500 } : { samples: 200, tasks: 400, idleMs: 3_000 }

export const latency: Measure<Row> = {
  name: 'latency',
  title: 'From enqueue to start',
  describe: (isQuick) => {
    const { samples, tasks, idleMs } = plan(isQuick)
    return `How long after the call of the sending method the task starts: ${samples} tasks that come ${IDLE_GAP_MS - 15} to ${IDLE_GAP_MS + 15} ms apart and find the worker idle, and ${tasks} of ${WORK_MS} ms of processor time that come at random times, on average ${LOAD_GAP_MS} ms apart; both the same for all. Last, what a worker with its children uses that has nothing to do for ${idleMs / 1_000} s.`
  },
  columns: [
    { figure: 'idleP50Ms', heading: 'idle, p50, ms', better: 'less', digits: 2 },
    { figure: 'idleP99Ms', heading: 'p99, ms', better: 'less', digits: 2 },
    { figure: 'loadP50Ms', heading: 'under load, p50, ms', better: 'less', digits: 2 },
    { figure: 'loadP99Ms', heading: 'p99, ms', better: 'less', digits: 1 },
    { figure: 'idlePercent', heading: 'an idle worker, % of a core', better: null, digits: 1 },
  ],
  rows: [
    CAROM_REDIS,
    CAROM_FILE,
    BULLMQ_INLINE,
    BULLMQ_SANDBOXED,
    BEE_QUEUE,
    CELERY,
    CAROM_RABBITMQ,
    { ...CELERY_RABBITMQ, name: 'Celery, prefork, RabbitMQ' },
  ],
  rounds: 3,
  run: async (row, isQuick) => {
    const { samples, tasks, idleMs } = plan(isQuick)
    const { client, worker } = await openRow(row)
    await client.sendMany('noop', WARM_UPS, 1)
    await client.results()
    await client.startWaitsMs(idleTimes(samples / 4), 0)
    const idle = summary(await client.startWaitsMs(idleTimes(samples), 0))
    const load = summary(await client.startWaitsMs(loadTimes(tasks), WORK_MS))
    return {
      idleP50Ms: idle.median,
      idleP99Ms: idle.p99,
      loadP50Ms: load.median,
      loadP99Ms: load.p99,
      idlePercent: await usedPercent(worker.pid, idleMs),
    }
  },
}

function idleTimes(count: number): number[] {
  const random = randomFrom(SEED)
  return running(count, () => IDLE_GAP_MS - 15 + 30 * random())
}

/** Exponential gaps between them. */
function loadTimes(count: number): number[] {
  const random = randomFrom(SEED)
  return running(count, () => -Math.log(1 - random()) * LOAD_GAP_MS)
}

function running(count: number, gapMs: () => number): number[] {
  let atMs = 0
  return Array.from({ length: count }, () => {
    atMs += gapMs()
    return atMs
  })
}

async function usedPercent(pid: number, forMs: number): Promise<number> {
  const before = treeCpuMs(pid)
  await pause(forMs)
  return ((treeCpuMs(pid) - before) / forMs) * 100
}
