/**
 * Every transition of a job and of a child, for whoever subscribes to `carom:pool:job` and `carom:pool:child` with
 * `node:diagnostics_channel`. Costs one comparison where nobody does.
 */
import { channel } from 'node:diagnostics_channel'
import type { ChildRecord } from './child-record.ts'
import type { Outcome, PoolChild } from './state.ts'
import type { SupervisedJob } from './supervised-job.ts'

/** What the channel `carom:pool:job` publishes. */
export interface JobTransition {
  readonly pool: number
  readonly job: number
  /** The function's export name. */
  readonly name: string
  readonly to: 'queued' | 'dispatched' | 'accepted' | 'softTimeout' | 'settled'
  /** How it settled; `null` before. */
  readonly outcome: Outcome['type'] | null
  /** Of the child that has it. */
  readonly pid: number | null
}

/** What the channel `carom:pool:child` publishes. */
export interface ChildTransition {
  readonly pool: number
  readonly slot: number
  readonly pid: number | null
  readonly to: PoolChild['state'] | 'killed'
  /** Why it is replaced or was killed; `null` where neither is so. */
  readonly reason: string | null
}

const jobs = channel('carom:pool:job')
const children = channel('carom:pool:child')
let lastPool = 0

export class Trace {
  readonly #pool = ++lastPool

  job(job: SupervisedJob, to: JobTransition['to'], record?: ChildRecord, outcome?: Outcome): void {
    if (!jobs.hasSubscribers) return
    const { id, name } = job
    const pid = record?.handle.pid ?? null
    jobs.publish({ pool: this.#pool, job: id, name, to, outcome: outcome?.type ?? null, pid } satisfies JobTransition)
  }

  child(child: PoolChild, pid: number | null, to: ChildTransition['to'] = child.state): void {
    if (!children.hasSubscribers) return
    const reason = child.killedFor ?? child.due
    children.publish({ pool: this.#pool, slot: child.slot, pid, to, reason } satisfies ChildTransition)
  }
}
