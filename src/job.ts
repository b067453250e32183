/** `carom/job`: what a function run by a pool or a worker may ask about its own call. Loads neither pool nor app. */
import { type CurrentJob, type CurrentTask, currentContext } from './job/context.ts'

export { SoftTimeLimitExceeded } from './errors.ts'
export type { CurrentJob, CurrentTask } from './job/context.ts'

/**
 * The job that the calling code runs for.
 *
 * @throws TypeError outside a job: there is nothing to tell.
 */
export function currentJob(): CurrentJob {
  const context = currentContext()
  if (context === undefined) throw new TypeError('currentJob() was called outside a job: nothing runs here')
  return context
}

/**
 * The task that the calling code runs for.
 *
 * @throws TypeError outside a task, also inside a plain pool job.
 */
export function currentTask(): CurrentTask {
  const context = currentContext()
  if (context === undefined || !('attempt' in context)) {
    throw new TypeError('currentTask() was called outside a task: a worker runs nothing here')
  }
  return context
}

/**
 * To be called in long loops: where a function never waits, nothing else can tell it that its time is over. Does
 * nothing outside a job, so that the function stays one that can be called anywhere.
 *
 * @throws SoftTimeLimitExceeded once the job's soft time limit has passed; the reason of its signal once it is aborted.
 */
export function checkDeadline(): void {
  currentContext()?.checkDeadline()
}
