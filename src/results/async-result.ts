import { CaromError } from '../errors.ts'
import { isReady, type ResultMeta, type TaskState } from './meta.ts'
import { resultOf, toTaskError } from './remote-error.ts'
import { type GetOptions, loadResult, type ResultSource, type SentTask, title, waitForResult } from './result-wait.ts'
import { type TaskMeta, toTaskMeta } from './task-meta.ts'

/** What a group needs of its members. */
export interface ResultParts {
  readonly sent: SentTask
  readonly source: ResultSource
}

let partsOf: (result: AsyncResult) => ResultParts

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

  static {
    partsOf = (result) => ({ sent: result.#sent, source: result.#source })
  }

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
   * @throws TaskError `CAROM_TASK_FAILED`: the task threw. Its name, message and stack are the remote ones, `cause` too.
   * @throws TaskError with another code: it could not do its work (`CAROM_TASK_UNKNOWN`, ...), or was revoked (`CAROM_TASK_REVOKED`).
   * @throws CaromError `CAROM_TIME_LIMIT`, `CAROM_SOFT_TIME_LIMIT`, `CAROM_MEMORY_LIMIT`: it was over a limit.
   * @throws WorkerLostError `CAROM_WORKER_LOST`: its child died, so often that the task was given up.
   * @throws CaromError `CAROM_TASK_EXPIRED`: it had not started when its time was over, and was given up.
   * @throws ResultTimeoutError `CAROM_RESULT_TIMEOUT`: not there in time; the task goes on.
   * @throws CaromError `CAROM_RESULT_INSIDE_TASK`: called by a task, where waiting for another one can wait for ever.
   * @throws CaromError `CAROM_RESULT_IGNORED`: the call or its task said `ignoreResult`.
   */
  async get(options: GetOptions = {}): Promise<T> {
    const meta = await whenEnded(this, options)
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
    return toTaskMeta(this.id, this.#sent.task, await this.#load())
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

export function resultParts(result: AsyncResult): ResultParts {
  return partsOf(result)
}

/** What is stored once the task has ended. @throws what {@link AsyncResult.get} throws while it waits. */
export function whenEnded(result: AsyncResult, options: GetOptions): Promise<ResultMeta> {
  const { sent, source } = partsOf(result)
  source.allow('get', sent.id)
  if (sent.ignored) throw ignored(sent)
  return waitForResult(sent, source, options)
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
