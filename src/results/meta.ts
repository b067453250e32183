/** What is known of one task's outcome: Celery's result meta, with the value still as the JSON bytes a child wrote. */

export const READY_STATES = ['SUCCESS', 'FAILURE', 'REVOKED'] as const
export type ReadyState = (typeof READY_STATES)[number]
/** A task nobody has stored anything about is `PENDING`; so is one that never existed. */
export type TaskState = ReadyState | 'PENDING' | 'RECEIVED' | 'STARTED' | 'REJECTED' | 'RETRY'

export function isTaskState(state: unknown): state is TaskState {
  return typeof state === 'string' && STATES.has(state)
}

/** What a result says of its call, where the app has `resultExtended`: Celery's `result_extended`. */
export interface StoredCall {
  readonly name: string | null
  /** As JSON; `null` where they are not known: the task never ran, its child died at once, or JSON has no form for them. */
  readonly args: string | null
  readonly kwargs: string | null
  /** The node that ran it. */
  readonly worker: string | null
  readonly retries: number | null
  readonly queue: string | null
}

export interface ResultMeta {
  readonly taskId: string
  readonly status: TaskState
  /** UTF-8 JSON: the value of a success, `{"exc_type", "exc_message", "exc_module"}` of a failure. */
  readonly result: Uint8Array
  /** The remote stack as text, for a failure. */
  readonly traceback: string | null
  /** Ids of the tasks that this one sent. */
  readonly children: readonly string[]
  readonly parentId: string | null
  readonly groupId: string | null
  /** Epoch milliseconds; `null` until the task is ready. */
  readonly doneAtMs: number | null
  /** Where its sender waits for it, as the message said; of meaning where results are messages (`rpc://`). */
  readonly reply?: ReplyTo | undefined
  /** Absent where the result says nothing of its call. */
  readonly call?: StoredCall
}

export interface ReplyTo {
  /** The queue of the process that sent the task: the property `reply_to` of its message. */
  readonly to: string
  readonly correlationId: string
}

export function isReady(status: TaskState): status is ReadyState {
  return status === 'SUCCESS' || status === 'FAILURE' || status === 'REVOKED'
}

const STATES: ReadonlySet<string> = new Set<TaskState>([
  ...READY_STATES,
  'PENDING',
  'RECEIVED',
  'STARTED',
  'REJECTED',
  'RETRY',
])
