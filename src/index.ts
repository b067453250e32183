/** `carom`: tasks, and the ways to send them. Loads neither a store, nor the pool, nor the worker. */
export { Carom } from './app/app.ts'
export type { CaromOptions } from './app/app-options.ts'
export type { SecurityOptions } from './app/security-options.ts'
export type { InputTask, NamedApplyOptions, NamedSendings, RemoteTask, Sendings, Task } from './app/task.ts'
export type { RemoteTaskOptions, TaskOptions } from './app/task-options.ts'
export type { NotSendable, Wire } from './app/wire.ts'
export type { ApplyOptions } from './canvas/call.ts'
export type { Signature, SignatureJson } from './canvas/signature.ts'
export {
  CAROM_ERROR_CODES,
  CaromError,
  type CaromErrorCode,
  isCaromError,
  ResultTimeoutError,
  WorkerLostError,
} from './errors.ts'
export { type CurrentTask, currentTask } from './job.ts'
export { AsyncResult } from './results/async-result.ts'
export { type GroupGetOptions, type GroupMember, GroupResult, type GroupValues } from './results/group-result.ts'
export type { TaskState } from './results/meta.ts'
export { TaskError } from './results/remote-error.ts'
export type { GetOptions } from './results/result-wait.ts'
export type { TaskCallMeta, TaskMeta } from './results/task-meta.ts'
