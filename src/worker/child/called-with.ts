/** What a task was called with, told to the worker as it begins: a result shall say it however the run ends. */
import { CaromError } from '../../errors.ts'
import { encodeWireJson } from '../../message/wire-json.ts'
import { ask } from '../../pool/child/ask.ts'

export interface CalledWith {
  readonly taskId: string
  /** As JSON. */
  readonly args: string
  readonly kwargs: string
}

/** Nobody waits for it: a result that lacks its arguments, as those that JSON does not know, is better than none. */
export function tellCalledWith(
  taskId: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): void {
  try {
    const said: CalledWith = { taskId, args: encodeWireJson(args), kwargs: encodeWireJson(kwargs) }
    ask('calledWith', said).catch(() => {})
  } catch {
    // As above.
  }
}

/** @throws CaromError `CAROM_MESSAGE_INVALID`: a child is a stranger. */
export function checkCalledWith(said: unknown): CalledWith {
  const { taskId, args, kwargs } = (said ?? {}) as Record<string, unknown>
  if (typeof taskId === 'string' && typeof args === 'string' && typeof kwargs === 'string')
    return { taskId, args, kwargs }
  throw new CaromError('CAROM_MESSAGE_INVALID', 'A child sent something else than what a task was called with')
}
