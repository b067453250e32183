/** What all faces of a pool share: it takes calls, keeps the script alive while something is owed, and ends. */

import type { EventEmitter } from 'node:events'
import { CaromError } from '../errors.ts'
import type { JobInfo, PoolEvents } from './events.ts'
import { openExecutor } from './executors.ts'
import { type CallListener, type CallRequest, checkCall, type JobOwner, PoolCall } from './job.ts'
import { checkOptions, limitsOf, priorityOf } from './job-options.ts'
import type { FilledPoolOptions } from './options.ts'
import { startError } from './outcome.ts'
import { type DeathCertificate, startFailureOf } from './parent/certificate.ts'
import type { Executor } from './parent/child-handle.ts'
import type { Outcome } from './parent/state.ts'
import { Supervisor, type SupervisorListener } from './parent/supervisor.ts'
import { EMPTY, FrameError, type Payload } from './protocol/frame.ts'
import { isLoading } from './protocol/loading.ts'
import { decodePayload, encodePayload } from './protocol/payload.ts'
import { refuseUnable } from './refusals.ts'
import { RunHistograms } from './run-histograms.ts'
import { withResolvers } from './with-resolvers.ts'

export class PoolEngine implements JobOwner {
  readonly options: FilledPoolOptions
  readonly supervisor: Supervisor
  readonly histograms = new RunHistograms()
  readonly startedAtMs = performance.now()
  readonly #executor: Executor
  readonly #events: EventEmitter<PoolEvents>
  readonly #started = withResolvers<void>()
  readonly #ended = withResolvers<void>()
  // Children and their pipes never hold the event loop; this timer does, while something is expected of the pool.
  readonly #keepAlive: NodeJS.Timeout
  /** Resolved in turn whenever a child comes or goes, or others are wanted, until each has what it waits for. */
  readonly #staffWaiters = new Set<() => void>()
  readonly #maxStartFailures: number
  #lastFailedStart: DeathCertificate | null = null
  #lastJob = 0
  #waiting = 0
  /** What kept every child from starting; the pool has given up. */
  startFailure: CaromError | null = null

  constructor(options: FilledPoolOptions, events: EventEmitter<PoolEvents>) {
    this.options = options
    this.#events = events
    const itself = [options.moduleUrl, ...options.preload].find(isLoading)
    if (itself !== undefined) {
      const text = `${itself} creates a pool of itself when a child loads it, without end`
      throw new TypeError(`${text}: put the functions in a module of their own`)
    }
    this.#maxStartFailures = Math.max(3, options.processes)
    this.#started.promise.catch(() => {})
    this.#executor = openExecutor(options)
    this.#keepAlive = setInterval(() => {}, 0x7fff_ffff).unref()
    const { moduleUrl: module, initializer, initArgs, maxPayloadBytes } = options
    this.supervisor = new Supervisor(
      {
        ...options,
        size: options.processes,
        spares: options.spareChildren,
        credits: options.concurrencyPerChild,
        interrupts: options.interruptOnSoftLimit,
        maxStartFailures: this.#maxStartFailures,
        restartsPerChild: RESTARTS_PER_CHILD,
        executor: this.#executor,
        start: {
          module,
          initializer,
          initArgs,
          maxPayloadBytes,
          credits: options.concurrencyPerChild,
          interrupts: options.interruptOnSoftLimit,
        },
      },
      this.#listener(),
    )
  }

  get machine() {
    return this.supervisor.machine
  }

  /** @throws CaromError, TypeError, RangeError; then there is no call. */
  execute({ name, form, args, options, kind = name }: CallRequest, listener: CallListener): PoolCall {
    this.refuseIfClosed(name)
    checkCall(name, args, this.options.moduleUrl)
    checkOptions(options, form === 'map' || form === 'starmap')
    refuseUnable(this.options.executor, options)
    const limits = limitsOf(options, this.options.limits)
    const call = new PoolCall({
      id: ++this.#lastJob,
      name,
      kind,
      form,
      payload: this.#encode(name, [name, limits.softTimeLimitMs, ...args]),
      priority: priorityOf(options),
      // Not spread: that is a call of its own, and this is done for every job.
      timeLimitMs: limits.timeLimitMs,
      softTimeLimitMs: limits.softTimeLimitMs,
      memoryLimitBytes: limits.memoryLimitBytes,
      onProgress: options.onProgress ?? null,
      listener,
    })
    // Getters of the arguments are the caller's code, and may have closed the pool.
    this.refuseIfClosed(name)
    if (this.machine.open === 0) this.#hold()
    this.supervisor.submit(call)
    return call
  }

  /** @throws CaromError `CAROM_POOL_CLOSED`, or what kept every child from starting. */
  refuseIfClosed(name: string): void {
    if (this.machine.phase === 'run') return
    if (this.startFailure !== null) throw this.startFailure
    const text = `The pool is closed: "${name}" was not given to it. Create a new pool, or close this one later`
    throw new CaromError('CAROM_POOL_CLOSED', text)
  }

  cancel(call: PoolCall): void {
    this.machine.cancel(call)
  }

  terminateJob(call: PoolCall): void {
    this.supervisor.terminateJob(call)
  }

  /** False if no job of that id is open. */
  terminateById(id: number): boolean {
    const job = this.supervisor.jobs.get(id)
    if (job === undefined) return false
    this.supervisor.terminateJob(job)
    return true
  }

  whenStarted(): Promise<void> {
    return this.#awaiting(this.#started.promise)
  }

  whenEnded(): Promise<void> {
    return this.#awaiting(this.#ended.promise)
  }

  /** From now on that many children. Whoever waits for others that are not wanted any more waits no longer. */
  resize(processes: number): void {
    this.machine.resize(processes)
    this.#staffChanged()
  }

  /**
   * Resolves when `isSo` holds after a child has come or gone.
   *
   * @throws CaromError `CAROM_CHILD_START` when so many starts in a row have failed that it is not to be hoped for,
   * though the pool goes on trying; `CAROM_POOL_CLOSED` if the pool is closed or terminated before.
   */
  async whenStaffed(isSo: () => boolean): Promise<void> {
    for (;;) {
      // Children that go now go for another reason.
      if (this.machine.phase !== 'run') {
        throw new CaromError('CAROM_POOL_CLOSED', 'The pool ends before its children are as they were to be')
      }
      if (isSo()) return
      const isHopeless = this.machine.staff.startFailures >= this.#maxStartFailures
      if (isHopeless && this.#lastFailedStart !== null) throw startError(startFailureOf(this.#lastFailedStart))
      await this.#awaiting(new Promise<void>((resolve) => this.#staffWaiters.add(resolve)))
    }
  }

  #encode(name: string, order: readonly unknown[]): Payload {
    let payload: Payload
    try {
      payload = encodePayload(order, this.#executor.sharesMemory)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const text = `The arguments of "${name}" cannot be sent to a child: ${reason}`
      throw new CaromError('CAROM_ARGUMENTS_UNENCODABLE', text, { cause })
    }
    const limit = this.options.maxPayloadBytes
    if (payload.bytes.length <= limit) return payload
    const text = `The arguments of "${name}" have ${payload.bytes.length} bytes, over the limit of ${limit}: send a reference (a file, a key) instead`
    throw new CaromError('CAROM_ARGUMENTS_TOO_LARGE', text)
  }

  #listener(): SupervisorListener {
    return {
      accepted: (job, pid) => {
        this.histograms.waited(job)
        this.#tell(() => (job as PoolCall).listener.accepted?.())
        this.#emitOf('accepted', job, pid)
      },
      yielded: (job, value) => (job as PoolCall).listener.yielded?.(value),
      progressed: (job, value) => this.#progressed(job as PoolCall, value),
      timedOut: (job, limit) => this.#emitOf('timeout', job, limit),
      settled: (job, outcome) => this.#settled(job as PoolCall, outcome),
      started: () => this.#started.resolve(),
      unstarted: (failure) => {
        this.startFailure = startError(failure)
        this.#started.reject(this.startFailure)
      },
      ended: () => {
        this.#started.reject(new CaromError('CAROM_POOL_CLOSED', 'The pool was closed before a child was ready'))
        clearInterval(this.#keepAlive)
        this.#ended.resolve()
        this.#staffChanged()
      },
      childUp: (pid) => {
        this.#emit('childUp', pid)
        this.#staffChanged()
      },
      childDown: (certificate) => {
        if (certificate.phase === 'starting') this.#lastFailedStart = certificate
        this.#emit('childDown', certificate)
        this.#staffChanged()
      },
    }
  }

  #settled(call: PoolCall, outcome: Outcome): void {
    // Whoever keeps the job is not to keep its arguments.
    call.payload = EMPTY
    if ('ranMicros' in outcome) this.histograms.ran(outcome.ranMicros)
    this.#tell(() => call.listener.settled(outcome))
    this.#emitOf('settled', call, outcome.type)
    if (this.machine.open === 0) this.#release()
  }

  #progressed({ onProgress }: PoolCall, value: Payload): void {
    if (onProgress === null) return
    const told = decodeProgress(value)
    this.#tell(() => onProgress(told))
  }

  #emit<K extends keyof PoolEvents>(event: K, ...args: PoolEvents[K]): void {
    if (this.#events.listenerCount(event) === 0) return
    this.#tell(() => (this.#events as EventEmitter).emit(event, ...args))
  }

  /** Listeners get no more of a job than they were promised. */
  #emitOf(event: 'accepted' | 'timeout' | 'settled', { id, name }: JobInfo, what: unknown): void {
    if (this.#events.listenerCount(event) === 0) return
    this.#tell(() => (this.#events as EventEmitter).emit(event, { id, name }, what))
  }

  /** A listener that throws must not stop the pool in the middle of a step: its error surfaces in a turn of its own. */
  #tell(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }

  #staffChanged(): void {
    const waiters = [...this.#staffWaiters]
    this.#staffWaiters.clear()
    for (const resolve of waiters) resolve()
  }

  async #awaiting<T>(promise: Promise<T>): Promise<T> {
    this.#hold()
    this.#waiting++
    try {
      return await promise
    } finally {
      this.#waiting--
      if (this.machine.open === 0) this.#release()
    }
  }

  #hold(): void {
    this.#keepAlive.ref()
  }

  #release(): void {
    if (this.#waiting === 0) this.#keepAlive.unref()
  }
}

/** @throws FrameError: the child is not to be listened to any more. */
function decodeProgress(value: Payload): unknown {
  try {
    return decodePayload(value)
  } catch (cause) {
    throw new FrameError('Progress that cannot be read', { cause })
  }
}

/** Deaths that a pool makes up for at once, per child: more, and it takes its time. */
const RESTARTS_PER_CHILD = 10
