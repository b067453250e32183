import { loadPackage } from '../../packages.ts'
import { clientOf, type SendOptions } from './client.ts'
import { Outcomes } from './outcomes.ts'
import type { System } from './system.ts'
import { startProcess } from './worker-process.ts'

/** As much of the package as is used here. */
export interface BullMQ {
  readonly Queue: new (name: string, options: object) => Queue
  readonly QueueEvents: new (name: string, options: object) => QueueEvents
  readonly Worker: new (name: string, processor: Processor | string, options: object) => BullWorker
}
export type Processor = (job: { readonly name: string; readonly data: number }) => Promise<unknown>

interface Queue {
  add(name: string, data: number, options: object): Promise<{ readonly id: string }>
  addBulk(jobs: readonly object[]): Promise<readonly { readonly id: string }[]>
  close(): Promise<void>
}
interface QueueEvents {
  on(event: 'completed', listener: (done: { readonly jobId: string; readonly returnvalue: unknown }) => void): void
  on(event: 'failed', listener: (done: { readonly jobId: string; readonly failedReason: string }) => void): void
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}
interface BullWorker {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}

/** `inline` runs jobs in the worker's own process, `sandboxed` in children. */
export function bullmq(mode: 'inline' | 'sandboxed'): System {
  return {
    packageName: 'bullmq',
    startWorker: ({ port }, { children, perChild }) => {
      return startProcess('bullmq-worker.js', [Number(port), mode, mode === 'inline' ? perChild : children])
    },
    openClient: async ({ port }, { forgets }) => {
      const { Queue, QueueEvents } = await loadPackage<BullMQ>('bullmq')
      const connection = { host: '127.0.0.1', port }
      // The stream of events is read by whoever waits for results: cut at the default length it might lose some.
      const streams = forgets ? {} : { streams: { events: { maxLen: EVENTS } } }
      const queue = new Queue('bench', { connection, ...streams })
      const events = new QueueEvents('bench', { connection })
      await events.waitUntilReady()
      // One listener for all results: a job's own `waitUntilFinished` asks Redis about each.
      const outcomes = new Outcomes()
      events.on('completed', ({ jobId, returnvalue }) => outcomes.succeeded(jobId, returnvalue))
      events.on('failed', ({ jobId, failedReason }) => outcomes.failed(jobId, new Error(failedReason)))
      return clientOf({
        send: async (name, data, options) => outcomes.of((await queue.add(name, data, optionsOf(options))).id),
        sendMany: async (name, values, options) => {
          const jobs = await queue.addBulk(values.map((data) => ({ name, data, opts: optionsOf(options) })))
          return jobs.map(({ id }) => outcomes.of(id))
        },
        close: () => Promise.all([events.close(), queue.close()]),
      })
    },
  }
}

function optionsOf({ delayMs, ignored }: SendOptions): object {
  return {
    ...(delayMs === undefined ? {} : { delay: delayMs }),
    ...(ignored ? { removeOnComplete: true } : {}),
  }
}

const EVENTS = 1_000_000
