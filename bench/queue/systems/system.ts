/** What the measures need of a queue with its workers, whoever made it. */
import type { Store } from '../stores/store.ts'

export interface WorkerSettings {
  /** Processes that run tasks, where a system has such. */
  readonly children: number
  /** Tasks that one of them holds at once; of a system without children, all that it runs at once. */
  readonly perChild: number
  /** Nothing is to be kept of a task that has succeeded, where that is no matter of each call. @default false */
  readonly forgets?: boolean
}

export interface Worker {
  /** The process that consumes. Its children are its own affair. */
  readonly pid: number
  stop(): Promise<unknown>
}

/** Functions of `pool/fixtures/functions.ts` under the same names: each system has them as its tasks. */
export type TaskName = 'noop' | 'wait' | 'work'

/** The sending side, in the process that measures (Celery's: in one of its own). */
export interface Client {
  /** Sends calls of `noop` one by one, each when the one before is confirmed. */
  sendEach(count: number): Promise<void>
  /** Sends calls of a task in the fastest way there is, {@link BATCH} at a time, each batch when the one before is confirmed. */
  sendMany(task: TaskName, count: number, value: number): Promise<void>
  /** The same, of `noop`, saying that nobody wants the results: nothing is to be left of the tasks. */
  sendIgnored(count: number): Promise<void>
  /** Resolves when all that was sent, but for what is ignored, has given its result. */
  results(): Promise<void>
  /** Sends a call of `work` at each of the times, which count from now: how long each waited for its start. */
  startWaitsMs(timesMs: readonly number[], workMs: number): Promise<readonly number[]>
  /** Sends calls that are due after `delayMs`: how late each started. */
  latenessMs(count: number, delayMs: number): Promise<readonly number[]>
  close(): Promise<unknown>
}

export interface System {
  /** The npm package; `null` if it is none. */
  readonly packageName: string | null
  /** Resolves when it consumes, or soon will: every measure warms it up. */
  startWorker(store: Store, settings: WorkerSettings): Promise<Worker>
  openClient(store: Store, settings: WorkerSettings): Promise<Client>
}

export const BATCH = 500
