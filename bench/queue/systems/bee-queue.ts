import { loadPackage } from '../../packages.ts'
import { clientOf } from './client.ts'
import { Outcomes } from './outcomes.ts'
import type { System, TaskName } from './system.ts'
import { startProcess } from './worker-process.ts'

/** As much of the package as is used here. */
export type BeeQueue = new (name: string, settings: object) => Queue

interface Queue {
  createJob(data: Data): Job
  saveAll(jobs: readonly Job[]): Promise<ReadonlyMap<Job, Error>>
  on(event: 'job succeeded', listener: (jobId: string, result: unknown) => void): void
  on(event: 'job failed', listener: (jobId: string, error: Error) => void): void
  ready(): Promise<unknown>
  process(concurrency: number, handler: (job: { readonly data: Data }) => Promise<unknown>): void
  close(): Promise<void>
}
interface Data {
  readonly task: TaskName
  readonly value: number
}
interface Job {
  readonly id: string
  save(): Promise<Job>
}

/** Its results travel as events and are not kept; what is kept is the job. */
export const beeQueue: System = {
  packageName: 'bee-queue',
  startWorker: ({ port }, { perChild, forgets = false }) => {
    return startProcess('bee-worker.js', [Number(port), perChild, Number(forgets)])
  },
  openClient: async ({ port }) => {
    const Queue = await loadPackage<BeeQueue>('bee-queue')
    const queue = new Queue('bench', { ...beeSettings(Number(port)), isWorker: false })
    await queue.ready()
    const outcomes = new Outcomes()
    queue.on('job succeeded', (jobId, result) => outcomes.succeeded(jobId, result))
    queue.on('job failed', (jobId, error) => outcomes.failed(jobId, error))
    return clientOf({
      send: async (task, value) => {
        const { id } = await queue.createJob({ task, value }).save()
        return outcomes.of(id)
      },
      sendMany: async (task, values) => {
        const jobs = values.map((value) => queue.createJob({ task, value }))
        const [error] = (await queue.saveAll(jobs)).values()
        if (error !== undefined) throw error
        return jobs.map(({ id }) => outcomes.of(id))
      },
      close: () => queue.close(),
    })
  },
}

/** One listener for all jobs, not one for each: `storeJobs` is for those. */
export function beeSettings(port: number): object {
  return { redis: { host: '127.0.0.1', port }, storeJobs: false }
}
