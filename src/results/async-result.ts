import { CaromError } from '../errors.ts'
import { isReady, type ResultMeta, type TaskState } from './meta.ts'
import { resultOf, toTaskError } from './remote-error.ts'
import { type GetOptions, loadResult, type ResultSource, type SentTask, title, waitForResult } from './result-wait.ts'

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
}

/**
 * A handle on the result of a task that was sent, typed as what arrives. It is no promise, so that an `async` function
 * can return it without waiting for the task. Made by `delay`, `applyAsync`, `applyMany` and `app.result(id)`.
 *
 * @example
 * const result = await add.delay(2, 3)
 * const sum = await result.get({ timeoutMs: 5_000 })
 */
export class AsyncResult<out T = unknown> {
  /** The task's id; `app.result(id)` gives a handle on the same result, also in another process. */
  readonly id: string
  readonly #sent: SentTask
  readonly #source: ResultSource

  /** Made by the methods that send a task. */
  constructor(sent: SentTask, source: ResultSource) {
    this.id = sent.id
    this.#sent = sent
    this.#source = source
  }

  /**
   * Waits for the task to end and gives its result. Woken by the store; nothing is polled hotly. The waiting keeps the
   * script alive, for an hour unless `timeoutMs` says otherwise.
   *
   * @throws TaskError `CAROM_TASK_FAILED`: the task threw, or was revoked. Its name, message and stack are the remote ones, `cause` too.
   * @throws WorkerLostError `CAROM_WORKER_LOST`: its child died, so often that the task was given up.
   * @throws CaromError `CAROM_TASK_EXPIRED`: it had not started when its time was over, and was given up.
   * @throws ResultTimeoutError `CAROM_RESULT_TIMEOUT`: not there in time; the task goes on.
   * @throws CaromError `CAROM_RESULT_INSIDE_TASK`: called by a task, where waiting for another one can wait for ever.
   * @throws CaromError `CAROM_RESULT_IGNORED`: the call or its task said `ignoreResult`.
   */
  async get(options: GetOptions = {}): Promise<T> {
    this.#source.allow('get', this.id)
    if (this.#sent.ignored) throw ignored(this.#sent)
    const meta = await waitForResult(this.#sent, this.#source, options)
    if (meta.status === 'SUCCESS') return resultOf(meta) as T
    throw toTaskError(meta, this.#sent.task)
  }

  /** The state so far. `PENDING` also for a task that nobody knows. */
  async state(): Promise<TaskState> {
    return (await this.#load())?.status ?? 'PENDING'
  }

  /** Whether the task has ended: `SUCCESS`, `FAILURE` or `REVOKED`. */
  async ready(): Promise<boolean> {
    return isReady(await this.state())
  }

  /** All that is stored about the task, at this moment. */
  async meta(): Promise<TaskMeta<T>> {
    const meta = await this.#load()
    const state = meta?.status ?? 'PENDING'
    return {
      id: this.id,
      state,
      value: meta !== null && state === 'SUCCESS' ? (resultOf(meta) as T) : undefined,
      error:
        meta !== null && (state === 'FAILURE' || state === 'REVOKED') ? toTaskError(meta, this.#sent.task) : undefined,
      traceback: meta?.traceback ?? null,
      children: meta?.children ?? [],
      parentId: meta?.parentId ?? null,
      groupId: meta?.groupId ?? null,
      doneAt: meta === null || meta.doneAtMs === null ? null : new Date(meta.doneAtMs),
    }
  }

  /** Deletes the stored result. A task that has not ended yet stores it all the same when it does. */
  async forget(): Promise<void> {
    this.#source.allow('look', this.id)
    const backend = await this.#source.open()
    await backend.forget([this.id])
  }

  async #load(): Promise<ResultMeta | null> {
    this.#source.allow('look', this.id)
    return loadResult(this.id, this.#source)
  }
}

function ignored(sent: SentTask): CaromError {
  const { id, task, queue } = sent
  return new CaromError(
    'CAROM_RESULT_IGNORED',
    `Task ${title(sent)} stores no result, since its call or its task says ignoreResult: ` +
      'send it with ignoreResult false to wait for it',
    { taskId: id, task, queue },
  )
}
