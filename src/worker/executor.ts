/** Runs requests in the pool's children, and turns what the pool says into what the worker judges. */
import { setTimeout as pause } from 'node:timers/promises'
import type { AppLocation } from '../app/app-module.ts'
import { CaromError } from '../errors.ts'
import { type DeathCertificate, Pool, type PoolStats } from '../pool/index.ts'
import { decodeResult, readJobFailure, toError } from '../pool/outcome.ts'
import type { Outcome } from '../pool/parent/state.ts'
import type { Payload } from '../pool/protocol/frame.ts'
import { type Failure, toFailure } from '../support/failure.ts'
import { callLimits, type WorkerLimits } from './call-limits.ts'
import { type AppDescription, appDescription } from './child/description.ts'
import { checkSaidOfRun } from './child/said.ts'
import { UNRUN } from './child/unrun.ts'
import { InternalJobs } from './internal-jobs.ts'
import type { FilledWorkerOptions } from './options.ts'
import { packOrder } from './orders.ts'
import { type Request, runOrder } from './request.ts'
import type { RunOutcome } from './verdict.ts'

export interface ExecutorListener {
  /** A child's task sends messages; resolves when the broker has confirmed them. */
  publish(messages: unknown): Promise<void>
  /** A child asks how tasks have ended: status and result of each, `null` for one that has not. */
  outcomes(taskIds: unknown): Promise<unknown>
  /** A child tells what it was given to run with. */
  calledWith(said: unknown): void
  childDown(certificate: DeathCertificate): void
}

/** Who is told how a run goes; `ended` comes last and once. */
export interface RunListener {
  /** A child has begun it. */
  started(): void
  ended(outcome: RunOutcome): void
}

export class Executor {
  readonly #pool: Pool
  readonly #listener: ExecutorListener
  readonly #startTimeoutMs: number
  readonly credits: number
  /** What a child is asked on the worker's own behalf. */
  readonly internal: InternalJobs
  readonly #limits: WorkerLimits

  constructor(options: FilledWorkerOptions, location: AppLocation, listener: ExecutorListener) {
    this.#listener = listener
    this.#startTimeoutMs = options.startTimeoutMs
    this.credits = options.concurrency * options.concurrencyPerChild
    const { startMethod = 'spawn', preload = [], ...limits } = options.children
    this.#pool = new Pool({
      module: TASK_MODULE,
      startMethod,
      ...(startMethod === 'spawn' ? {} : { preload: [TASK_MODULE, ...preload, new URL(location.url)] }),
      ...limits,
      processes: options.concurrency,
      concurrencyPerChild: options.concurrencyPerChild,
      initializer: 'load',
      initArgs: [location],
      startTimeoutMs: options.startTimeoutMs,
      ...(options.execArgv === null ? {} : { execArgv: options.execArgv }),
      env: withoutUrls(process.env),
      answer: (name, value) => this.#answer(name, value),
    })
    this.internal = new InternalJobs(this.#pool)
    this.#limits = limits
    this.#pool.on('childDown', (certificate) => listener.childDown(certificate))
  }

  /**
   * Resolves with what the app says of itself.
   *
   * @throws CaromError `CAROM_CHILD_START` if no child could load it, or the one that did says nothing.
   */
  async start(): Promise<AppDescription> {
    await this.#pool.whenStarted()
    const said = new AbortController()
    const silence = pause(this.#startTimeoutMs, undefined, { signal: said.signal }).then(() => {
      const text = `A child has loaded the app, but does not answer after ${this.#startTimeoutMs} ms: find what keeps it busy`
      throw new CaromError('CAROM_CHILD_START', `${text} when the module has been loaded`)
    })
    try {
      return appDescription(await Promise.race([this.#pool.apply('describe', []), silence]))
    } finally {
      said.abort()
    }
  }

  run(request: Request, listener: RunListener): void {
    const options = callLimits(request.delivery.message.headers.timelimit, this.#limits)
    request.call = this.#pool.execute(
      { name: 'run', kind: request.task, form: 'call', args: packOrder(runOrder(request.delivery)), options },
      {
        accepted: () => listener.started(),
        settled: (outcome) => listener.ended(this.#read(request, outcome)),
      },
    )
  }

  /** Drops a task that no child has been given yet. One that a child has may begin at any moment, and is left alone. */
  takeBack(request: Request): void {
    if (request.call?.state === 'queued') this.#pool.cancelCall(request.call)
  }

  /** Asks a running task to stop through its signal; drops one that has not started. */
  cancel(request: Request): void {
    if (request.call !== null) this.#pool.cancelCall(request.call)
  }

  /** Ends a request at once, with its child. */
  terminate(request: Request): void {
    if (request.call !== null) this.#pool.terminateCall(request.call)
  }

  stats(): PoolStats {
    return this.#pool.stats()
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  kill(): Promise<void> {
    return this.#pool.terminate()
  }

  #read(request: Request, outcome: Outcome): RunOutcome {
    switch (outcome.type) {
      case 'succeeded':
        return this.#readRun(request, outcome.payload)
      case 'failed':
        return failedOrUnreadable(readJobFailure(outcome.payload))
      case 'lost': {
        const { message } = toError({ id: request.call?.id ?? 0, name: request.task }, outcome)
        return { type: 'lost', certificate: outcome.certificate, text: message }
      }
      case 'interrupted':
      case 'timedOut':
      case 'overMemory': {
        const error = toError({ id: request.call?.id ?? 0, name: request.task }, outcome)
        return { type: 'failed', failure: toFailure(error) }
      }
      case 'terminated':
      case 'cancelled':
      case 'unstarted':
        return { type: 'stopped' }
    }
  }

  /** A result alone is the bytes that the child sent; nothing of it is looked at. */
  #readRun(request: Request, payload: Payload): RunOutcome {
    if (payload.encoding === 'bytes') return { type: 'succeeded', result: payload.bytes }
    try {
      const said = checkSaidOfRun(
        decodeResult({ id: request.call?.id ?? 0, name: request.task }, payload, 'The result'),
      )
      if (said instanceof Uint8Array) return { type: 'succeeded', result: said }
      if ('later' in said) return { type: 'later', followUps: said.later }
      if ('failure' in said) return { type: 'failed', ...said }
      return { type: 'succeeded', ...said }
    } catch (error) {
      return { type: 'failed', failure: toFailure(error) }
    }
  }

  async #answer(name: string, value: unknown): Promise<unknown> {
    if (name === 'outcomes') return this.#listener.outcomes(value)
    if (name === 'calledWith') this.#listener.calledWith(value)
    else if (name === 'publish') await this.#listener.publish(value)
    else throw new TypeError(`A child asked for "${name}", which no worker answers`)
    return null
  }
}

function failedOrUnreadable(failure: Failure): RunOutcome {
  const unreadable = failure.code === 'CAROM_MESSAGE_INVALID' && failure.facts[UNRUN] === true
  return { type: unreadable ? 'unreadable' : 'failed', failure }
}

const TASK_MODULE = new URL('./child/task-module.js', import.meta.url)

/** A child has no broker connection, and needs no URL that may hold a password. */
function withoutUrls(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { CAROM_BROKER_URL, CAROM_RESULT_BACKEND, ...rest } = env
  return rest
}
