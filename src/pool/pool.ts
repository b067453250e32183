/** The pool as its user meets it: a module's exports, run in child processes. */
import { CaromError } from '../errors.ts'
import { childMemory } from '../support/memory.ts'
import { type CallListener, Job, type JobOwner, PoolCall } from './job.ts'
import { type FilledPoolOptions, fillPoolOptions, type PoolOptions } from './options.ts'
import { deliver, startError } from './outcome.ts'
import type { Outcome } from './parent/state.ts'
import { type SupervisedJob, Supervisor, type SupervisorListener } from './parent/supervisor.ts'
import { isLoading } from './protocol/loading.ts'
import { encodePayload } from './protocol/payload.ts'
import type { PoolStats } from './stats.ts'

type AnyFunction = (...args: never[]) => unknown
/** The names of a module's functions. */
export type FunctionName<M> = { [K in keyof M]: M[K] extends AnyFunction ? K : never }[keyof M] & string
type Arguments<F> = F extends (...args: infer A) => unknown ? A : never
type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

/** A module's functions as the pool offers them: each gives a promise. */
export type PoolExports<M> = {
  readonly [K in FunctionName<M>]: (...args: Arguments<M[K]>) => Promise<Result<M[K]>>
}

/**
 * Runs the exports of one module in child processes.
 *
 * A job is settled exactly once, whatever happens to its child. A child that dies is replaced; the jobs it had begun
 * fail with `CAROM_CHILD_LOST` and its death certificate, those it had not begun go to another child. An idle pool
 * does not keep a script alive, and no child survives its parent.
 *
 * @example
 * const pool = new Pool<typeof import('./image.js')>({ module: new URL('./image.js', import.meta.url), processes: 4 })
 * try {
 *   const size = await pool.apply('resize', ['a.png', 320])
 * } finally {
 *   await pool.close()
 * }
 */
export class Pool<M = Record<string, (...args: unknown[]) => unknown>> implements JobOwner {
  readonly #options: FilledPoolOptions
  readonly #supervisor: Supervisor
  readonly #started = withResolvers<void>()
  readonly #ended = withResolvers<void>()
  // Children and their pipes never hold the event loop; this timer does, while something is expected of the pool.
  readonly #keepAlive: NodeJS.Timeout
  readonly #startedAtMs = performance.now()
  #lastJob = 0
  #waiting = 0
  #startFailure: CaromError | null = null

  /** The module's functions: `pool.exports.resize('a.png', 320)` is `pool.apply('resize', ['a.png', 320])`. */
  readonly exports: PoolExports<M>

  /**
   * Starts the children at once.
   *
   * @throws TypeError, RangeError for options that are unknown or out of range.
   * @throws CaromError `CAROM_PLATFORM_UNSUPPORTED` on Windows.
   */
  constructor(options: PoolOptions) {
    if (process.platform === 'win32') {
      throw new CaromError('CAROM_PLATFORM_UNSUPPORTED', 'Carom runs on Linux and macOS; on Windows use WSL 2')
    }
    this.#options = fillPoolOptions(options)
    if (isLoading(this.#options.moduleUrl)) {
      const text = `${this.#options.moduleUrl} creates a pool of itself when a child loads it, without end`
      throw new TypeError(`${text}: put the functions in a module of their own`)
    }
    this.#started.promise.catch(() => {})
    this.#supervisor = new Supervisor(this.#supervisorOptions(), this.#listener())
    this.#keepAlive = setInterval(() => {}, 0x7fff_ffff).unref()
    this.exports = new Proxy({} as PoolExports<M>, {
      get: (_, name) => {
        // `await pool.exports` and a debugger look for names that no module has meant to export.
        if (typeof name === 'symbol' || name === 'then') return undefined
        return async (...args: unknown[]) => this.#start(name, args).result
      },
    })
  }

  /**
   * Calls an export in a child and resolves with its result. Arguments and result are copied as by a structured clone.
   *
   * @throws CaromError `CAROM_POOL_CLOSED`, `CAROM_ARGUMENTS_UNENCODABLE`, `CAROM_ARGUMENTS_TOO_LARGE`,
   * `CAROM_CHILD_LOST`, `CAROM_CHILD_START`, `CAROM_EXPORT_UNKNOWN`, `CAROM_RESULT_UNENCODABLE`,
   * `CAROM_RESULT_TOO_LARGE`, `CAROM_JOB_TERMINATED`; or the error that the function threw.
   */
  async apply<K extends FunctionName<M>>(name: K, args: Arguments<M[K]>): Promise<Result<M[K]>> {
    return this.#start<Result<M[K]>>(name, args).result
  }

  /**
   * The same, giving a {@link Job} at once instead of a promise. Its result never raises an unhandled rejection.
   *
   * @throws CaromError `CAROM_POOL_CLOSED`, `CAROM_ARGUMENTS_UNENCODABLE`, `CAROM_ARGUMENTS_TOO_LARGE`.
   */
  applyAsync<K extends FunctionName<M>>(name: K, args: Arguments<M[K]>): Job<Result<M[K]>> {
    const { call, result } = this.#start<Result<M[K]>>(name, args)
    return new Job(this, call, result)
  }

  /**
   * The lower end of `apply`, for whoever keeps outcomes as they are instead of as a value or an error.
   *
   * @internal
   */
  execute(name: string, args: readonly unknown[], listener: CallListener): PoolCall {
    const { machine } = this.#supervisor
    if (machine.phase !== 'run') throw this.#closedError(name)
    const call = new PoolCall(++this.#lastJob, name, this.#encode(name, args), listener)
    if (machine.open === 0) this.#hold()
    this.#supervisor.submit(call)
    return call
  }

  /** Resolves when the first child is ready. @throws CaromError `CAROM_CHILD_START` when none could be started. */
  whenStarted(): Promise<void> {
    return this.#awaiting(this.#started.promise)
  }

  /** Takes no more jobs and resolves when those it has are settled and every child has exited. */
  close(): Promise<void> {
    this.#supervisor.machine.close()
    return this.#awaiting(this.#ended.promise)
  }

  /** Ends now: jobs that are not settled fail with `CAROM_JOB_TERMINATED`, children are killed. */
  terminate(): Promise<void> {
    this.#supervisor.machine.terminate()
    return this.#awaiting(this.#ended.promise)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The pool as it stands: Celery's keys for a pool, and one entry per child. */
  stats(): PoolStats {
    const { machine, processes } = this.#supervisor
    const children = [...processes].map(([child, { process }]) => ({
      slot: child.slot,
      pid: process.pid,
      state: child.state,
      startMethod: 'spawn' as const,
      jobsDone: child.done,
      running: [...child.jobs].map((job) => job.id),
      privateMemoryBytes: process.pid === null ? null : childMemory(process.pid),
      ageMs: Math.round(performance.now() - process.startedAtMs),
    }))
    return {
      implementation: 'carom.pool:prefork',
      'max-concurrency': this.#options.processes * this.#options.concurrencyPerChild,
      processes: children.flatMap(({ pid }) => (pid === null ? [] : [pid])),
      phase: machine.phase,
      queued: machine.queued,
      open: machine.open,
      startFailures: machine.startFailures,
      uptimeMs: Math.round(performance.now() - this.#startedAtMs),
      children,
    }
  }

  /** @internal */
  cancel(call: PoolCall): void {
    this.#supervisor.machine.cancel(call)
  }

  /** @internal */
  terminateJob(call: PoolCall): void {
    this.#supervisor.machine.terminateJob(call)
  }

  #start<R>(name: string, args: readonly unknown[]): { readonly call: PoolCall; readonly result: Promise<R> } {
    const { promise, resolve, reject } = withResolvers<R>()
    const call = this.execute(name, args, { settled: (outcome) => deliver(call, outcome, resolve, reject) })
    return { call, result: promise }
  }

  #closedError(name: string): CaromError {
    if (this.#startFailure !== null) return this.#startFailure
    const text = `The pool is closed: "${name}" was not given to it. Create a new pool, or close this one later`
    return new CaromError('CAROM_POOL_CLOSED', text)
  }

  #encode(name: string, args: readonly unknown[]) {
    let payload: ReturnType<typeof encodePayload>
    try {
      payload = encodePayload([name, ...args])
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const text = `The arguments of "${name}" cannot be sent to a child: ${reason}`
      throw new CaromError('CAROM_ARGUMENTS_UNENCODABLE', text, { cause })
    }
    const limit = this.#options.maxPayloadBytes
    if (payload.bytes.length <= limit) return payload
    const text = `The arguments of "${name}" have ${payload.bytes.length} bytes, over the limit of ${limit}: send a reference (a file, a key) instead`
    throw new CaromError('CAROM_ARGUMENTS_TOO_LARGE', text)
  }

  #supervisorOptions() {
    const { moduleUrl, initializer, initArgs, maxPayloadBytes, ...rest } = this.#options
    return { ...rest, start: { module: moduleUrl, initializer, initArgs, maxPayloadBytes } }
  }

  #listener(): SupervisorListener {
    return {
      accepted: (job) => (job as PoolCall).listener.accepted?.(),
      settled: (job, outcome) => this.#settled(job, outcome),
      started: () => this.#started.resolve(),
      unstarted: (failure) => {
        this.#startFailure = startError(failure)
        this.#started.reject(this.#startFailure)
      },
      ended: () => {
        this.#started.reject(new CaromError('CAROM_POOL_CLOSED', 'The pool was closed before a child was ready'))
        clearInterval(this.#keepAlive)
        this.#ended.resolve()
      },
      childUp: () => {},
      childDown: (certificate) => this.#options.onChildDown(certificate),
    }
  }

  #settled(job: SupervisedJob, outcome: Outcome): void {
    ;(job as PoolCall).listener.settled(outcome)
    if (this.#supervisor.machine.open === 0) this.#release()
  }

  async #awaiting<T>(promise: Promise<T>): Promise<T> {
    this.#hold()
    this.#waiting++
    try {
      return await promise
    } finally {
      this.#waiting--
      if (this.#supervisor.machine.open === 0) this.#release()
    }
  }

  #hold(): void {
    this.#keepAlive.ref()
  }

  #release(): void {
    if (this.#waiting === 0) this.#keepAlive.unref()
  }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((res, rej) => {
    resolve = res
    reject = rej
  })
  return { promise, resolve, reject }
}
