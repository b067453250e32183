/** Waiting for one result: woken by the store, bounded by a deadline, ended early by whoever may. */
import { ResultTimeoutError } from '../errors.ts'
import type { ResultBackend, WaitSignal } from './backend.ts'
import { isReady, type ResultMeta, type TaskState } from './meta.ts'

/** How long to wait, and what ends the waiting early. */
export interface GetOptions {
  /** 0 to 2147483647 (24 days). @default 3600000 (one hour) */
  readonly timeoutMs?: number | undefined
  /** Rejects with the signal's reason when aborted; the task goes on. */
  readonly signal?: AbortSignal | undefined
}

/** What the sender of a task knows about it; all `null` for a result that was asked for by its id alone. */
export interface SentTask {
  readonly id: string
  readonly task: string | null
  readonly queue: string | null
  /** Whether the call said that no result is to be stored. */
  readonly ignored: boolean
}

/** How a handle reaches the results. */
export interface ResultSource {
  /**
   * Has `stop` called with the reason when nobody will be answered any more, at once if that is so already. Gives what
   * takes it back. No AbortSignal: it searches all its listeners for each one, and thousands wait.
   */
  onEnding(stop: (reason: unknown) => void): () => void
  /** Opens the result backend, or gives the open one. */
  open(): Promise<ResultBackend>
  /** Throws where results cannot be asked for. `action` is the method that was called. */
  allow(action: 'get' | 'look', id: string): void
}

/**
 * The stored outcome, once there is one. Rejects at once when its time is over or it is ended, whatever the store does.
 *
 * @throws ResultTimeoutError `CAROM_RESULT_TIMEOUT`
 */
export function waitForResult(sent: SentTask, source: ResultSource, options: GetOptions): Promise<ResultMeta> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = checkGetOptions(options)
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const ending = new Ending()
    const stop = () => end(signal?.reason)
    const release = () => {
      clearTimeout(timer)
      takeBack()
      signal?.removeEventListener('abort', stop)
    }
    const found = (meta: ResultMeta) => {
      release()
      resolve(meta)
    }
    const end = (reason: unknown) => {
      release()
      reject(reason)
      ending.abort(reason)
    }
    const late = () => {
      resolve(lastLook(sent, source, timeoutMs))
      end(TIMED_OUT)
    }
    const timer = setTimeout(late, timeoutMs)
    signal?.addEventListener('abort', stop)
    let takeBack = () => {}
    takeBack = source.onEnding(end)
    // Each promise more is kept for as long as the wait takes, and thousands wait.
    source.open().then((backend) => void backend.wait(sent.id, { signal: ending }).then(found, end), end)
  })
}

/** The signal of one wait, for its one listener: an AbortController takes ten times the memory and the time. */
class Ending implements WaitSignal {
  aborted = false
  reason: unknown
  #listener: (() => void) | null = null

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(): void {
    this.#listener = null
  }

  abort(reason: unknown): void {
    this.aborted = true
    this.reason = reason
    this.#listener?.()
  }
}

export async function loadResult(taskId: string, source: ResultSource): Promise<ResultMeta | null> {
  const backend = await source.open()
  const [meta] = await backend.load([taskId])
  return meta ?? null
}

export function title({ id, task }: SentTask): string {
  return task === null ? id : `"${task}" (${id})`
}

/** What became of a task in the last moment. Where the store does not answer, the time is over all the same. */
async function lastLook(sent: SentTask, source: ResultSource, timeoutMs: number): Promise<ResultMeta> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(TIMED_OUT), LAST_LOOK_MS)
  const looking = orAborted(loadResult(sent.id, source), over.signal)
  const meta = await looking.catch(() => null).finally(() => clearTimeout(timer))
  if (meta !== null && isReady(meta.status)) return meta
  throw timedOut(sent, timeoutMs, meta?.status ?? 'PENDING')
}

/** Settles as `promise` does, or rejects with the signal's reason, whatever comes first. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** @throws TypeError, RangeError for an option that is unknown or out of range. */
export function checkGetOptions<Options extends GetOptions>(options: Options, more: readonly string[] = []): Options {
  const known = ['timeoutMs', 'signal', ...more]
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new TypeError(`Unknown option "${unknown}" of get(). Known are ${known.join(', ')}`)
  const { timeoutMs } = options
  const fits = typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS
  if (fits || timeoutMs === undefined) return options
  const message = `Cannot set timeoutMs of get() to ${String(timeoutMs)}: expected milliseconds from 0 to ${MAX_TIMEOUT_MS}`
  throw typeof timeoutMs === 'number' ? new RangeError(message) : new TypeError(message)
}

function timedOut(sent: SentTask, timeoutMs: number, state: TaskState): ResultTimeoutError {
  const { id, task, queue } = sent
  const where = queue === null ? 'its queue' : `queue "${queue}"`
  return new ResultTimeoutError(
    `Task ${title(sent)} has no result after ${timeoutMs} ms, its state is ${state}: the task itself goes on. ` +
      `Check that a worker serves ${where}, and whether the task needs longer`,
    { taskId: id, task, queue, state, timeoutMs },
  )
}

const DEFAULT_TIMEOUT_MS = 3_600_000
// The longest delay a timer takes; a longer one would fire at once.
const MAX_TIMEOUT_MS = 2_147_483_647
const LAST_LOOK_MS = 1_000
const TIMED_OUT = Symbol('timed out')
