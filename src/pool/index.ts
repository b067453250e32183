/** `carom/pool`: functions of a module, run in children. */
export {
  CaromError,
  type CaromErrorCode,
  isCaromError,
  MemoryLimitExceeded,
  SoftTimeLimitExceeded,
  TimeLimitExceeded,
} from '../errors.ts'
export type { ExecutorName } from './capabilities.ts'
export type { JobInfo, PoolEvents } from './events.ts'
export type { FunctionName, Item, MappableName, PoolExports, PoolFunction, StreamName } from './exports.ts'
export { Job, type JobState } from './job.ts'
export type { JobOptions } from './job-options.ts'
export { MapJob, type MapOptions } from './maps.ts'
export type { PoolOptions, StartMethod } from './options.ts'
export { RemoteError } from './outcome.ts'
export type { DeathCertificate, KilledBy } from './parent/certificate.ts'
export type { ChildTransition, JobTransition } from './parent/trace.ts'
export { Pool } from './pool.ts'
export type { DurationStats } from './run-histograms.ts'
export type { ChildStats, PoolStats } from './stats.ts'
