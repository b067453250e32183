/**
 * The fork server: loads what children are to share, forks them when told to, reaps them. It does nothing else, so that
 * at every fork it is at rest.
 */
import type { Socket } from 'node:net'
import { CaromError } from '../../../errors.ts'
import type { Addon, Descriptors } from '../../../native/addon.ts'
import { type Failure, toFailure } from '../../../support/failure.ts'
import { writeAtOnce } from '../../child/guard.ts'
import {
  type FromForkServer,
  frameFromForkServer,
  type Preparation,
  readToForkServer,
  type ToForkServer,
} from '../../protocol/fork-messages.ts'
import { FrameReader, FrameWriter } from '../../protocol/frame.ts'
import { whileLoading } from '../../protocol/loading.ts'
import { Census, nameOfModule } from './census.ts'
import { liveAsForked } from './forked.ts'
import { takeOverRandom } from './randomness.ts'

export class ForkServer {
  readonly #addon: Addon
  readonly #control: Socket
  readonly #packets: number
  readonly #out = new FrameWriter()
  /** Generations by pid. */
  readonly #children = new Map<number, number>()
  /** Generations that are to be forked, one after the other. */
  readonly #orders: number[] = []
  #execArgv: readonly string[] = []
  /** `null` where the system does not tell of threads; then there is an obstacle. */
  #census: Census | null = null
  /** Why nothing can be forked in this process, whatever is loaded. */
  #obstacle: string | null = null
  /** Is everything loaded, has it forked already, and has it done what makes children small? */
  #state: 'loading' | 'loaded' | 'used' | 'settled' = 'loading'
  readonly #reap = (): void => {
    for (const [pid, generation] of this.#children) this.#bury(pid, generation)
  }

  /** Orders come over `control`, the descriptors of children over `packets`. */
  constructor(addon: Addon, control: Socket, packets: number) {
    this.#addon = addon
    this.#control = control
    this.#packets = packets
  }

  /** Every fork will be refused, on account of that. */
  forbid({ message }: Error): void {
    this.#obstacle ??= message
  }

  run(): void {
    // What waits to be written when a child is forked would be written twice.
    for (const stream of [process.stdout, process.stderr]) writeAtOnce(stream)
    // A terminal's signals reach every process; this one ends when its pool is gone.
    for (const signal of SIGNALS) process.on(signal, ignore)
    process.on('SIGCHLD', this.#reap)
    takeOverRandom(this.#addon)
    const reader = new FrameReader(Number.POSITIVE_INFINITY)
    this.#control.on('data', (chunk: Buffer) => reader.push(chunk, (frame) => this.#order(readToForkServer(frame))))
    this.#control.on('error', () => this.#end())
    this.#control.on('close', () => this.#end())
  }

  #order(order: ToForkServer): void {
    if (order.type === 'prepare') return void this.#prepare(order.preparation)
    this.#orders.push(order.generation)
    if (this.#state !== 'loading' && this.#orders.length === 1) this.#forkSoon()
  }

  async #prepare({ preload, execArgv }: Preparation): Promise<void> {
    this.#execArgv = execArgv
    this.#census = await Census.take(this.#addon).catch((error) => {
      this.forbid(error)
      return null
    })
    for (const url of preload) {
      try {
        await whileLoading(url, () => import(url))
        this.#census?.loaded(url)
      } catch (error) {
        this.#tell({ type: 'broken', failure: failureOfPreload(url, error) })
        return void this.#control.end()
      }
    }
    this.#state = 'loaded'
    this.#tell({ type: 'prepared', leftovers: this.#census?.leftovers() ?? [] })
    if (this.#orders.length > 0) this.#forkSoon()
  }

  /**
   * Not in a callback of I/O, whose work a child would go on with, and never two at once: it would run the second too.
   * Somebody waits for a first child that is to be the only one, so it is forked as things are, and is larger for it.
   */
  #forkSoon(): void {
    const isAlone = this.#state === 'loaded' && this.#orders.length === 1
    if (isAlone || this.#state === 'settled') setImmediate(() => this.#forkNext())
    else void this.#settle().then(() => this.#forkSoon())
  }

  /** Once, for all children that follow. */
  async #settle(): Promise<void> {
    // Not among the imports of this file: a first child does without them.
    const [{ rehearse }, { compactHeap }] = await Promise.all([import('./rehearsal.ts'), import('./compaction.ts')])
    await rehearse(this.#addon)
    compactHeap()
    this.#state = 'settled'
  }

  #forkNext(): void {
    const generation = this.#orders[0] as number
    const descriptors = this.#tryTo(generation, () => this.#receive(generation))
    const pid = descriptors && this.#tryTo(generation, () => this.#fork())
    if (pid === 0) return this.#leaveTo(generation, descriptors as Descriptors)
    for (const fd of descriptors ?? []) this.#addon.closeDescriptor(fd)
    if (pid !== null) {
      if (this.#state === 'loaded') this.#state = 'used'
      this.#children.set(pid, generation)
      this.#tell({ type: 'forked', generation, pid })
    }
    this.#orders.shift()
    if (this.#orders.length > 0) this.#forkSoon()
  }

  #tryTo<T>(generation: number, attempt: () => T): T | null {
    try {
      return attempt()
    } catch (error) {
      this.#tell({ type: 'refused', generation, failure: toFailure(error) })
      return null
    }
  }

  #receive(generation: number): Descriptors {
    const received = this.#addon.receiveDescriptors(this.#packets)
    if (received === null) throw unforkable(`The descriptors of child ${generation} did not arrive`)
    const [mark, ...descriptors] = received
    if (mark === generation) return descriptors
    for (const fd of descriptors) this.#addon.closeDescriptor(fd)
    throw unforkable(`The descriptors of child ${mark} arrived for child ${generation}`)
  }

  #fork(): number {
    const obstacle = this.#obstacle ?? this.#census?.obstacle ?? null
    if (obstacle !== null) throw unforkable(obstacle)
    return this.#addon.fork()
  }

  /** This is the child. Nothing of the server stays. */
  #leaveTo(generation: number, descriptors: Descriptors): void {
    this.#control.removeAllListeners().on('error', ignore)
    this.#control.destroy()
    this.#addon.closeDescriptor(this.#packets)
    const serverPid = process.pid
    liveAsForked(this.#addon, { generation, descriptors, serverPid, execArgv: this.#execArgv })
    // After the child has listeners of its own: without any, the signal would be the end.
    for (const signal of SIGNALS) process.off(signal, ignore)
    process.off('SIGCHLD', this.#reap)
  }

  #bury(pid: number, generation: number): void {
    const remains = this.#addon.wait(pid)
    if (remains === null) return
    this.#children.delete(pid)
    const [exitCode, signal, userMicros, systemMicros] = remains
    this.#tell({ type: 'buried', generation, remains: { exitCode, signal, userMicros, systemMicros } })
  }

  #tell(report: FromForkServer): void {
    this.#out.add(frameFromForkServer(report))
    for (const part of this.#out.take()) this.#control.write(part)
  }

  /** The pool is gone, or wants no more children. */
  #end(): never {
    for (const pid of this.#children.keys()) killGroup(pid)
    return this.#addon.exit(0)
  }
}

/** Its own error, with whose it is: a module that cannot be found names the one that was looking for it, which is this. */
function failureOfPreload(url: string, error: unknown): Failure {
  const failure = toFailure(error)
  return { ...failure, message: `${failure.message} (when ${nameOfModule(url)} was preloaded)` }
}

function unforkable(text: string): CaromError {
  return new CaromError('CAROM_FORK_UNAVAILABLE', text)
}

function ignore(): void {}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: it is gone already.
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
