/**
 * The children that a pool wants forked, and the server that forks them: started when the first is wanted, and again
 * when one is wanted after it died. Every wait for it has a deadline.
 */
import type { Addon } from '../../native/addon.ts'
import { deadline } from '../parent/deadline.ts'
import type { Sentry } from '../parent/sentry.ts'
import { spawnWithEnds } from '../parent/spawn.ts'
import type { FromForkServer } from '../protocol/fork-messages.ts'
import { AwaitedProcess } from './awaited-process.ts'
import { errorOf, type ServerOptions, ServerProcess } from './server-process.ts'
import { warnOnce } from './warning.ts'

export interface ForkQueueOptions extends ServerOptions {
  readonly addon: Addon
  readonly startTimeoutMs: number
  /** With `spawn` a child that cannot be forked here is spawned instead, and otherwise fails. */
  readonly otherwise: 'fail' | 'spawn'
}

interface Server {
  readonly process: ServerProcess
  /** It can fork now. */
  isPrepared: boolean
  /** What it failed of, where it could tell. */
  failure: Error | null
  /** Forks it was told of and has not answered. */
  readonly asked: Map<number, AwaitedProcess>
  readonly children: Map<number, AwaitedProcess>
  /** Of its start, or of the answer it owes. */
  deadline: NodeJS.Timeout | null
}

export class ForkQueue {
  readonly #options: ForkQueueOptions
  readonly #sentry: Sentry
  /** Not told to a server yet. */
  readonly #waiting = new Map<number, AwaitedProcess>()
  #server: Server | null = null
  /** Whether children can be forked here; with `unknown` they wait until it is known. */
  #ability: 'unknown' | 'forks' | 'spawns' = 'forks'
  #hasEnded = false

  constructor(options: ForkQueueOptions, sentry: Sentry) {
    this.#options = options
    this.#sentry = sentry
  }

  /** Children wait until that has told why they cannot be forked here, or `null`. */
  waitFor(trial: Promise<string | null>): void {
    this.#ability = 'unknown'
    void trial.then((reason) => {
      if (reason === null) this.#ability = 'forks'
      else this.#spawnFromNowOn(reason)
      this.#startWaiting()
    })
  }

  /** @throws Error when there are no descriptors left. */
  start(generation: number): AwaitedProcess {
    const child: AwaitedProcess = new AwaitedProcess(this.#options.addon, {
      withdrawn: () => this.#withdraw(generation),
      unburied: () => this.#server?.process.kill('did not bury a child'),
    })
    this.#waiting.set(generation, child)
    this.#startWaiting()
    return child
  }

  #startWaiting(): void {
    if (this.#ability === 'unknown' || this.#hasEnded || this.#waiting.size === 0) return
    if (this.#ability === 'spawns') return this.#spawnWaiting()
    try {
      this.#server ??= this.#startServer()
    } catch (error) {
      for (const child of this.#waiting.values()) child.failed(error as Error)
      return this.#waiting.clear()
    }
    this.#pump(this.#server)
  }

  #spawnFromNowOn(reason: string): void {
    this.#ability = 'spawns'
    warnOnce(`Children are spawned, since they cannot be forked here: ${reason}`)
  }

  #spawnWaiting(): void {
    for (const [generation, child] of this.#waiting) this.#spawn(generation, child)
    this.#waiting.clear()
  }

  #spawn(generation: number, child: AwaitedProcess): void {
    try {
      child.spawned(spawnWithEnds(generation, this.#options, child.farEnds))
      if (child.pid !== undefined) this.#sentry.watch(child.pid)
    } catch (error) {
      child.failed(error as Error)
    }
  }

  end(): void {
    this.#hasEnded = true
    this.#server?.process.end()
  }

  #startServer(): Server {
    const { addon, startTimeoutMs } = this.#options
    const server: Server = {
      process: new ServerProcess(addon, this.#options, {
        report: (report) => this.#take(server, report),
        gone: (reason) => this.#gone(server, reason),
      }),
      isPrepared: false,
      failure: null,
      asked: new Map(),
      children: new Map(),
      deadline: deadline(() => server.process.kill(`was not ready within ${startTimeoutMs} ms`), startTimeoutMs),
    }
    if (server.process.pid !== null) this.#sentry.watch(server.process.pid)
    return server
  }

  /** Few at once: what is on its way holds descriptors, of which the system has a number. */
  #pump(server: Server): void {
    for (const [generation, child] of this.#waiting) {
      if (server.asked.size >= MOST_ASKED) return
      try {
        server.process.fork(generation, child.farEnds)
      } catch (error) {
        // Those that are on their way make room; of a server that is gone it is told why.
        if (server.asked.size > 0 || (error as NodeJS.ErrnoException).code === 'EPIPE') return
        this.#waiting.delete(generation)
        child.failed(error as Error)
        continue
      }
      this.#waiting.delete(generation)
      server.asked.set(generation, child)
      if (server.isPrepared) this.#expectAnswer(server)
    }
  }

  #expectAnswer(server: Server): void {
    server.deadline ??= deadline(() => server.process.kill(`did not answer within ${ANSWER_MS} ms`), ANSWER_MS)
  }

  #answered(server: Server, generation: number): AwaitedProcess | undefined {
    const child = server.asked.get(generation)
    server.asked.delete(generation)
    if (server.deadline !== null) clearTimeout(server.deadline)
    server.deadline = null
    if (server.asked.size > 0) this.#expectAnswer(server)
    return child
  }

  #take(server: Server, report: FromForkServer): void {
    switch (report.type) {
      case 'prepared':
        server.isPrepared = true
        this.#warn(report.leftovers)
        if (server.deadline !== null) clearTimeout(server.deadline)
        server.deadline = null
        if (server.asked.size > 0) this.#expectAnswer(server)
        return
      case 'broken':
        server.failure = errorOf(report.failure)
        return
      case 'forked':
        this.#forked(server, report.generation, report.pid)
        return this.#pump(server)
      case 'refused':
        this.#refused(server, report.generation, errorOf(report.failure))
        return this.#startWaiting()
      case 'buried':
        server.children.get(report.generation)?.buried(report.remains)
        server.children.delete(report.generation)
    }
  }

  #forked(server: Server, generation: number, pid: number): void {
    const child = this.#answered(server, generation)
    if (child?.forked(pid) !== true) return killGroup(pid)
    server.children.set(generation, child)
    this.#sentry.watch(pid)
  }

  /** Every child would inherit it: its timers run there too, its sockets are shared by all. */
  #warn(leftovers: readonly string[]): void {
    if (leftovers.length === 0) return
    const text = `Preloaded modules have left something running (${leftovers.join('; ')}), which every forked child inherits`
    warnOnce(`${text}: start it in the pool's initializer instead`)
  }

  #refused(server: Server, generation: number, error: Error): void {
    const child = this.#answered(server, generation)
    if (child === undefined) return
    if (this.#options.otherwise === 'fail') return child.failed(error)
    this.#spawnFromNowOn(error.message)
    this.#spawn(generation, child)
  }

  /** One that a server was asked for already is killed as it comes. */
  #withdraw(generation: number): void {
    const child = this.#waiting.get(generation) ?? this.#server?.asked.get(generation)
    this.#waiting.delete(generation)
    const isLoading = this.#server?.isPrepared === false
    const what = isLoading ? 'was still loading what is to be preloaded' : 'had not forked it yet'
    child?.failed(new Error(`The fork server ${what}`))
  }

  #gone(server: Server, reason: string): void {
    if (server.deadline !== null) clearTimeout(server.deadline)
    const { pid } = server.process
    if (pid !== null) {
      // What preloaded modules have started goes with the server.
      killGroup(pid)
      this.#sentry.unwatch(pid)
    }
    if (this.#server === server) this.#server = null
    const error = server.failure ?? new Error(`The fork server ${reason}`)
    const unborn = [...server.asked.values(), ...this.#waiting.values()]
    this.#waiting.clear()
    for (const child of unborn) child.failed(error)
    for (const child of server.children.values()) child.orphaned()
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: it is gone already.
  }
}

const MOST_ASKED = 8
const ANSWER_MS = 5_000
