/** The pool as its user meets it: a module's exports, run in children. */
import { EventEmitter } from 'node:events'
import { CaromError } from '../errors.ts'
import { startCall } from './calls.ts'
import { PoolEngine } from './engine.ts'
import type { PoolEvents } from './events.ts'
import {
  type Arguments,
  type FunctionName,
  type Item,
  type MappableName,
  type PoolExports,
  poolExports,
  type Result,
  type Returned,
  type StreamName,
  type Yielded,
} from './exports.ts'
import { imap, imapUnordered } from './imaps.ts'
import { type CallListener, type CallRequest, Job, type PoolCall } from './job.ts'
import type { JobOptions } from './job-options.ts'
import { type MapJob, type MapOptions, startMap } from './maps.ts'
import { fillPoolOptions, type PoolOptions } from './options.ts'
import type { Phase } from './parent/state.ts'
import { Staffing } from './staffing.ts'
import { type PoolStats, poolStats } from './stats.ts'
import { stream } from './streams.ts'

type Items<T> = Iterable<T> | AsyncIterable<T>

/**
 * Runs the exports of one module in children.
 *
 * A job is settled exactly once, whatever happens to its child. A child that dies is replaced; the jobs it had begun
 * fail with `CAROM_CHILD_LOST` and its death certificate, those it had not begun go to another child. An idle pool
 * does not keep a script alive, and no child survives its parent. Arguments and results are copied as by a structured
 * clone. What is said of children here holds for processes; with another `executor` they are threads, or this process
 * itself, and `docs/reference/executors.md` says what that changes. Events: {@link PoolEvents}.
 *
 * @example
 * const pool = new Pool<typeof import('./image.js')>({ module: new URL('./image.js', import.meta.url), processes: 4 })
 * try {
 *   const size = await pool.apply('resize', ['a.png', 320])
 * } finally {
 *   await pool.close()
 * }
 */
export class Pool<M = Record<string, (...args: unknown[]) => unknown>> extends EventEmitter<PoolEvents> {
  readonly #engine: PoolEngine
  readonly #staffing: Staffing

  /** The module's functions: `pool.exports.resize('a.png', 320)` is `pool.apply('resize', ['a.png', 320])`. */
  readonly exports: PoolExports<M>

  /**
   * Starts the children at once.
   *
   * @throws TypeError, RangeError for options that are unknown or out of range.
   * @throws CaromError `CAROM_PLATFORM_UNSUPPORTED` on Windows; `CAROM_EXECUTOR_UNABLE` for an option that the executor
   * cannot keep.
   */
  constructor(options: PoolOptions) {
    super()
    if (process.platform === 'win32') {
      throw new CaromError('CAROM_PLATFORM_UNSUPPORTED', 'Carom runs on Linux and macOS; on Windows use WSL 2')
    }
    this.#engine = new PoolEngine(fillPoolOptions(options), this)
    this.#staffing = new Staffing(this.#engine)
    this.exports = poolExports((name, args, options) => this.#call(name, args, options))
  }

  /**
   * Calls an export in a child and resolves with its result.
   *
   * @throws CaromError `CAROM_POOL_CLOSED`, `CAROM_ARGUMENTS_UNENCODABLE`, `CAROM_ARGUMENTS_TOO_LARGE`,
   * `CAROM_CHILD_LOST`, `CAROM_CHILD_START`, `CAROM_EXPORT_UNKNOWN`, `CAROM_RESULT_UNENCODABLE`,
   * `CAROM_RESULT_TOO_LARGE`, `CAROM_JOB_CANCELLED`, `CAROM_JOB_TERMINATED`; `TimeLimitExceeded`,
   * `SoftTimeLimitExceeded`, `MemoryLimitExceeded`; or the error that the function threw.
   */
  apply<K extends FunctionName<M>>(name: K, args: Arguments<M[K]>, options: JobOptions = {}): Promise<Result<M[K]>> {
    return this.#call(name, args, options)
  }

  /**
   * The same, giving a {@link Job} at once instead of a promise. Its result never raises an unhandled rejection.
   *
   * @throws CaromError `CAROM_POOL_CLOSED`, `CAROM_ARGUMENTS_UNENCODABLE`, `CAROM_ARGUMENTS_TOO_LARGE`,
   * `CAROM_JOB_CANCELLED` for a signal that is aborted already; TypeError, RangeError for options that are unknown or
   * out of range.
   */
  applyAsync<K extends FunctionName<M>>(name: K, args: Arguments<M[K]>, options: JobOptions = {}): Job<Result<M[K]>> {
    const { call, result } = this.#start<Result<M[K]>>(name, args, options)
    return new Job(this.#engine, call, result)
  }

  /**
   * The function's result for each item, in the order of the items. Items travel in chunks, each of which is one job.
   * Fails with the first item that fails (`error.itemIndex`); other chunks run to their end.
   *
   * @throws as {@link apply}
   */
  async map<K extends MappableName<M>>(
    name: K,
    items: Iterable<Item<M[K]>>,
    options: MapOptions = {},
  ): Promise<Result<M[K]>[]> {
    return this.mapAsync(name, items, options).result
  }

  /** The same, giving a {@link MapJob} at once. @throws as {@link applyAsync} */
  mapAsync<K extends MappableName<M>>(
    name: K,
    items: Iterable<Item<M[K]>>,
    options: MapOptions = {},
  ): MapJob<Result<M[K]>> {
    return startMap(this.#engine, { name, form: 'map', options }, items)
  }

  /** `map` for functions of several arguments: each item is the list of them. @throws as {@link apply} */
  async starmap<K extends FunctionName<M>>(
    name: K,
    argumentLists: Iterable<Arguments<M[K]>>,
    options: MapOptions = {},
  ): Promise<Result<M[K]>[]> {
    return this.starmapAsync(name, argumentLists, options).result
  }

  /** The same, giving a {@link MapJob} at once. @throws as {@link applyAsync} */
  starmapAsync<K extends FunctionName<M>>(
    name: K,
    argumentLists: Iterable<Arguments<M[K]>>,
    options: MapOptions = {},
  ): MapJob<Result<M[K]>> {
    return startMap(this.#engine, { name, form: 'starmap', options }, argumentLists)
  }

  /**
   * The results one by one, in the order of the items, which are read no faster than results are taken. The first
   * result that is asked for starts it; leaving the loop ends what is under way. The loop throws as {@link apply} does.
   */
  imap<K extends MappableName<M>>(
    name: K,
    items: Items<Item<M[K]>>,
    options: MapOptions = {},
  ): AsyncGenerator<Result<M[K]>, void, void> {
    return imap(this.#engine, { name, form: 'map', options }, items)
  }

  /** `imap` in the order in which chunks are done. */
  imapUnordered<K extends MappableName<M>>(
    name: K,
    items: Items<Item<M[K]>>,
    options: MapOptions = {},
  ): AsyncGenerator<Result<M[K]>, void, void> {
    return imapUnordered(this.#engine, { name, form: 'map', options }, items)
  }

  /** `imap` for functions of several arguments: each item is the list of them. */
  istarmap<K extends FunctionName<M>>(
    name: K,
    argumentLists: Items<Arguments<M[K]>>,
    options: MapOptions = {},
  ): AsyncGenerator<Result<M[K]>, void, void> {
    return imap(this.#engine, { name, form: 'starmap', options }, argumentLists)
  }

  /**
   * What a generator of the module yields, one by one and no faster than it is taken. The first value that is asked for
   * starts it; leaving the loop ends the job. Its time limits run while it waits for its reader too.
   */
  stream<K extends StreamName<M>>(
    name: K,
    args: Arguments<M[K]>,
    options: JobOptions = {},
  ): AsyncGenerator<Yielded<M[K]>, Returned<M[K]>, void> {
    return stream(this.#engine, { name, args, options })
  }

  /** Ends a job at once, with its child if it has started. False if no job of that id is open. */
  terminateJob(id: number): boolean {
    return this.#engine.terminateById(id)
  }

  /** `run`, then after `close()` or `terminate()` `close` or `terminate`, and at last `ended`. */
  get state(): Phase {
    return this.#engine.machine.phase
  }

  /** False as long as the latest child to start has failed to. */
  didStartOk(): boolean {
    return this.#engine.machine.staff.startFailures === 0 && this.#engine.startFailure === null
  }

  /** Resolves when the first child is ready. @throws CaromError `CAROM_CHILD_START` when none could be started. */
  whenStarted(): Promise<void> {
    return this.#engine.whenStarted()
  }

  /**
   * `count` children more; resolves when they are ready.
   *
   * @throws CaromError `CAROM_POOL_CLOSED`, also if the pool ends before; `CAROM_CHILD_START` when several starts in a
   * row have failed, though the pool goes on trying; RangeError.
   */
  grow(count = 1): Promise<void> {
    return this.#staffing.grow(count)
  }

  /** `count` children fewer; resolves when they are gone. Busy ones finish their jobs first. @throws as {@link grow} */
  shrink(count = 1): Promise<void> {
    return this.#staffing.shrink(count)
  }

  /** That many children; resolves when it is so. @throws as {@link grow} */
  resize(processes: number): Promise<void> {
    return this.#staffing.resize(processes)
  }

  /**
   * Replaces every child by a fresh one, which loads the module anew: one after the other, each when its successor is
   * ready. Resolves when the last is gone. @throws as {@link grow}
   */
  restart(): Promise<void> {
    return this.#staffing.restart()
  }

  /** Takes no more jobs and resolves when those it has are settled and every child has exited. */
  close(): Promise<void> {
    this.#engine.machine.close()
    return this.#engine.whenEnded()
  }

  /** Ends now: jobs that are not settled fail with `CAROM_JOB_TERMINATED`, children are killed. */
  terminate(): Promise<void> {
    this.#engine.machine.terminate()
    return this.#engine.whenEnded()
  }

  /**
   * Resolves when the pool has ended.
   *
   * @throws TypeError before `close()` or `terminate()`; CaromError `CAROM_JOIN_TIMEOUT`.
   */
  join({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    return this.#staffing.join(timeoutMs)
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The pool as it stands. */
  stats(): PoolStats {
    return poolStats(this.#engine)
  }

  /**
   * The lower end of `apply`, for whoever keeps outcomes as they are instead of as a value or an error.
   *
   * @internal
   */
  execute(request: CallRequest, listener: CallListener): PoolCall {
    return this.#engine.execute(request, listener)
  }

  /** @internal */
  cancelCall(call: PoolCall): void {
    this.#engine.cancel(call)
  }

  /** @internal */
  terminateCall(call: PoolCall): void {
    this.#engine.terminateJob(call)
  }

  // Not `async`: that would cost a second promise for every call.
  #call<R>(name: string, args: readonly unknown[], options: JobOptions): Promise<R> {
    try {
      return this.#start<R>(name, args, options).result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #start<R>(name: string, args: readonly unknown[], options: JobOptions) {
    return startCall<R>(this.#engine, { name, form: 'call', args, options })
  }
}
