/** The outcome of a task as an answer: its value on stdout; its failure as the command's own. */
import { type CaromError, ResultTimeoutError } from '../errors.ts'
import type { AsyncResult } from '../results/async-result.ts'
import { isReady } from '../results/meta.ts'
import type { TaskMeta } from '../results/task-meta.ts'
import { describeError } from './error-report.ts'
import { CommandEnd, EXIT } from './exit-codes.ts'
import { toJsonText } from './json-text.ts'
import { print, printJson } from './output.ts'

export type Outcome = TaskMeta<unknown>

/** Resolves with what is stored once the task has ended, however it did. @throws ResultTimeoutError and the store's errors. */
export async function ended(handle: AsyncResult, timeoutMs: number): Promise<Outcome> {
  const error: unknown = await handle.get({ timeoutMs }).then(
    () => null,
    (reason: unknown) => reason,
  )
  const outcome = await handle.meta()
  if (isReady(outcome.state)) return outcome
  throw error
}

/**
 * Prints the outcome. `sent` is what else is known of the call.
 *
 * @throws CommandEnd with the task's error, or `ResultTimeoutError` if it has not ended.
 */
export function showOutcome(outcome: Outcome, sent: Readonly<Record<string, unknown>>, json: boolean): void {
  if (json) printJson({ ...sent, ...asData(outcome) })
  if (outcome.error !== undefined) throw new CommandEnd(EXIT.failed, ofTheTask(outcome.error, outcome))
  if (!isReady(outcome.state)) throw notYet(outcome)
  if (!json) print(toJsonText(outcome.value, { indent: 2 }))
}

export function notYet({ id, state }: Pick<Outcome, 'id' | 'state'>): ResultTimeoutError {
  const meaning = state === 'PENDING' ? ', which is also the state of an id that nobody knows' : ''
  const text = `There is no result of ${id} yet: its state is ${state}${meaning}. To wait for it: --timeout 30s`
  return new ResultTimeoutError(text, { taskId: id, state })
}

function asData({
  id,
  state,
  value,
  error,
  traceback,
  children,
  parentId,
  groupId,
  doneAt,
  call,
}: Outcome): Record<string, unknown> {
  return {
    id,
    state,
    ...(state === 'SUCCESS' ? { result: value ?? null } : {}),
    ...(error === undefined ? {} : { error: describeError(error), traceback }),
    children,
    parentId,
    groupId,
    doneAt,
    ...(call === null ? {} : { call }),
  }
}

/** The stack that helps is where the task threw, not where the command line waited. */
function ofTheTask(error: CaromError, { traceback }: Outcome): CaromError {
  error.stack = traceback ?? ''
  return error
}
