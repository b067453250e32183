/** `carom/pool`: functions of a module, run in child processes. */
export { CaromError, type CaromErrorCode, isCaromError } from '../errors.ts'
export { Job, type JobState } from './job.ts'
export type { PoolOptions } from './options.ts'
export { RemoteError } from './outcome.ts'
export type { DeathCertificate, KilledBy } from './parent/certificate.ts'
export { type FunctionName, Pool, type PoolExports } from './pool.ts'
export type { ChildStats, PoolStats } from './stats.ts'
