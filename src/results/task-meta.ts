/** What is stored of a task, decoded for whoever asks. */
import type { CaromError } from '../errors.ts'
import type { ResultMeta, StoredCall, TaskState } from './meta.ts'
import { jsonOf, resultOf, toTaskError } from './remote-error.ts'

/** What is stored of a task, decoded. */
export interface TaskMeta<T> {
  readonly id: string
  /** `PENDING` also for a task that nobody knows: nothing is stored until a worker says something. */
  readonly state: TaskState
  /** The result, once `state` is `SUCCESS`. */
  readonly value: T | undefined
  /** What `get()` would reject with, once `state` is `FAILURE` or `REVOKED`. */
  readonly error: CaromError | undefined
  /** The remote stack as text, for a failure. */
  readonly traceback: string | null
  /** Ids of the tasks that this one sent. */
  readonly children: readonly string[]
  readonly parentId: string | null
  readonly groupId: string | null
  /** When it ended; `null` until then. */
  readonly doneAt: Date | null
  /** What the task was called with, where the app of its worker has `resultExtended`, or Python's `result_extended`. */
  readonly call: TaskCallMeta | null
}

/** What an extended result says of its call; `null` for what it does not say. */
export interface TaskCallMeta {
  readonly name: string | null
  readonly args: readonly unknown[] | null
  readonly kwargs: Readonly<Record<string, unknown>> | null
  /** The node that ran it. */
  readonly worker: string | null
  readonly retries: number | null
  readonly queue: string | null
}

/** @param task its name, where that is known. */
export function toTaskMeta<T>(id: string, task: string | null, meta: ResultMeta | null): TaskMeta<T> {
  const state = meta?.status ?? 'PENDING'
  return {
    id,
    state,
    value: meta !== null && state === 'SUCCESS' ? (resultOf(meta) as T) : undefined,
    error: meta !== null && (state === 'FAILURE' || state === 'REVOKED') ? toTaskError(meta, task) : undefined,
    traceback: meta?.traceback ?? null,
    children: meta?.children ?? [],
    parentId: meta?.parentId ?? null,
    groupId: meta?.groupId ?? null,
    doneAt: meta === null || meta.doneAtMs === null ? null : new Date(meta.doneAtMs),
    call: meta?.call === undefined ? null : toCall(meta.call),
  }
}

function toCall({ args, kwargs, ...facts }: StoredCall): TaskCallMeta {
  const given = args === null ? null : jsonOf(args)
  const named = kwargs === null ? null : jsonOf(kwargs)
  return {
    ...facts,
    args: Array.isArray(given) ? given : null,
    kwargs: typeof named === 'object' && !Array.isArray(named) ? (named as TaskCallMeta['kwargs']) : null,
  }
}
