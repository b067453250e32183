/** What a pool tells whoever listens: `pool.on('settled', ...)`. */
import type { DeathCertificate } from './parent/certificate.ts'
import type { Outcome } from './parent/state.ts'

/** A job as events name it. */
export interface JobInfo {
  readonly id: number
  /** The function's export name. */
  readonly name: string
}

/** The arguments of each event's listeners. */
export interface PoolEvents {
  /** A child has begun a job. */
  readonly accepted: [job: JobInfo, pid: number | null]
  /** A limit has passed: after `soft` the job may still end by itself, after `hard` its child is killed. */
  readonly timeout: [job: JobInfo, limit: 'soft' | 'hard']
  /** A job has ended, however it did. */
  readonly settled: [job: JobInfo, outcome: Outcome['type']]
  /** A child is ready for jobs. */
  readonly childUp: [pid: number | null]
  /** A child is gone, however it went. */
  readonly childDown: [certificate: DeathCertificate]
}
