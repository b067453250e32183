/** Runs requests in the pool's children, and turns what the pool says into what the worker judges. */
import { setTimeout as pause } from 'node:timers/promises'
import type { AppLocation } from '../app/app-module.ts'
import { CaromError } from '../errors.ts'
import { type DeathCertificate, Pool, type PoolStats } from '../pool/index.ts'
import { readJobFailure, toError } from '../pool/outcome.ts'
import type { Outcome } from '../pool/parent/state.ts'
import { type Failure, toFailure } from '../support/failure.ts'
import { type AppDescription, appDescription } from './child/description.ts'
import { UNRUN } from './child/unrun.ts'
import type { FilledWorkerOptions } from './options.ts'
import type { Request } from './request.ts'
import type { RunOutcome } from './verdict.ts'

export interface ExecutorListener {
  /** A child's task sends messages; resolves when the broker has confirmed them. */
  publish(messages: unknown): Promise<void>
  childDown(certificate: DeathCertificate): void
}

/** Who is told how a run goes; `ended` comes last and once. */
export interface RunListener {
  /** A child has begun it. */
  started(): void
  ended(outcome: RunOutcome): void
}

/** What one run of a task needs, as it travels to the child. */
export interface RunOrder {
  readonly headers: Readonly<Record<string, unknown>>
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Uint8Array
  readonly queue: string
  readonly attempt: number
}

export class Executor {
  readonly #pool: Pool
  readonly #listener: ExecutorListener
  readonly #startTimeoutMs: number
  readonly credits: number

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
    const { message, queue, counts } = request.delivery
    const { headers, contentType, contentEncoding, body } = message
    const order: RunOrder = { headers, contentType, contentEncoding, body, queue, attempt: counts.deliveries }
    request.call = this.#pool.execute(
      { name: 'run', kind: request.task, form: 'call', args: [order], options: {} },
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
        return { type: 'succeeded', result: outcome.payload.bytes }
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

  async #answer(name: string, value: unknown): Promise<unknown> {
    if (name !== 'publish') throw new TypeError(`A child asked for "${name}", which no worker answers`)
    await this.#listener.publish(value)
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
