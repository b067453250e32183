/**
 * A process that is started later than it was asked for: by a fork server, or at last by spawn. To whoever asked it is as
 * those that Node has spawned; what is sent to it waits in its channel.
 */
import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { constants } from 'node:os'
import type { Addon, Descriptors } from '../../native/addon.ts'
import type { StartedProcess } from '../parent/child-process.ts'
import { deadline } from '../parent/deadline.ts'
import { makeMemory } from '../parent/make-memory.ts'
import type { MemoryOfChild } from '../protocol/child-memory.ts'
import type { Remains } from '../protocol/fork-messages.ts'

export interface AwaitedListener {
  /** It was to end before it has begun. */
  withdrawn(): void
  /** It has ended, and its server does not tell. */
  unburied(): void
}

interface AwaitedProcessEvents {
  exit: [code: number | null, signal: NodeJS.Signals | null]
  error: [error: Error]
}

export class AwaitedProcess extends EventEmitter<AwaitedProcessEvents> implements StartedProcess {
  readonly stdio: readonly [null, Socket, Socket, Socket]
  readonly memory: MemoryOfChild | null
  readonly #far: number[] = []
  readonly #addon: Addon
  readonly #listener: AwaitedListener
  #pid: number | undefined
  #burial: NodeJS.Timeout | null = null
  #startMethod: 'spawn' | 'fork' = 'fork'
  #cpuMs: number | null = null
  #isOver = false

  /** @throws Error when there are no descriptors left. */
  constructor(addon: Addon, listener: AwaitedListener) {
    super()
    this.#addon = addon
    this.#listener = listener
    const near: Socket[] = []
    try {
      while (near.length < 3) {
        const [ours, theirs] = addon.socketPair()
        this.#far.push(theirs)
        near.push(new Socket({ fd: ours, readable: true, writable: true }))
      }
      const made = makeMemory(addon)
      this.#far.push(made?.fd ?? noMemory(addon))
      this.memory = made?.memory ?? null
    } catch (error) {
      for (const socket of near) socket.destroy()
      this.closeFarEnds()
      throw error
    }
    const [stdout, stderr, channel] = near as [Socket, Socket, Socket]
    // What the child says is not heard before its pid is known.
    channel.pause()
    this.stdio = [null, stdout, stderr, channel]
  }

  get startMethod(): 'spawn' | 'fork' {
    return this.#startMethod
  }

  get cpuMs(): number | null {
    return this.#cpuMs
  }

  /** Known when it has been started. */
  get pid(): number | undefined {
    return this.#pid
  }

  /** The child's ends of its stdout, its stderr and its channel, and the memory that it shares; open until `closeFarEnds`. */
  get farEnds(): Descriptors {
    return this.#far as Descriptors
  }

  closeFarEnds(): void {
    for (const fd of this.#far.splice(0)) this.#addon.closeDescriptor(fd)
  }

  /** Nothing of it holds the event loop, ever. */
  unref(): void {}

  killOrdered(): void {
    if (this.#isOver) return
    if (this.#pid === undefined) this.#listener.withdrawn()
    else if (this.#startMethod === 'spawn') return
    else this.#burial ??= deadline(() => this.#lookForEnd(), BURIAL_MS)
  }

  /** False if nobody wants it any more. */
  forked(pid: number): boolean {
    this.closeFarEnds()
    if (this.#isOver) return false
    this.#pid = pid
    this.stdio[3].resume()
    return true
  }

  /** Another way was found: `started` has the far ends. */
  spawned(started: ChildProcess): void {
    this.#startMethod = 'spawn'
    this.closeFarEnds()
    started.unref()
    started.once('error', (error) => this.failed(error))
    started.once('exit', (code, signal) => this.#ended(code, signal))
    if (started.pid !== undefined) this.forked(started.pid)
  }

  /** It never was, or was withdrawn. Told in a turn of its own, as Node does. */
  failed(error: Error): void {
    this.closeFarEnds()
    if (this.#isOver) return
    this.#isOver = true
    process.nextTick(() => this.emit('error', error))
  }

  buried({ exitCode, signal, userMicros, systemMicros }: Remains): void {
    this.#cpuMs = Math.round((userMicros + systemMicros) / 1_000)
    const name = signal === 0 ? null : nameOf(signal)
    this.#ended(name === null ? exitCode : null, name)
  }

  /** Its server died, and so did it, by the kernel's hand. */
  orphaned(): void {
    this.#ended(null, 'SIGKILL')
  }

  /** The kernel may need longer than its server: a process that waits for a dead disk ends when that answers. */
  #lookForEnd(): void {
    this.#burial = null
    if (this.#isOver) return
    if (isRunning(this.#pid as number)) this.killOrdered()
    else this.#listener.unburied()
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#burial !== null) clearTimeout(this.#burial)
    this.emit('exit', code, signal)
  }
}

/** In the place of memory to share, which a child finds not to be any: four descriptors travel. */
function noMemory(addon: Addon): number {
  const [one, other] = addon.socketPair()
  addon.closeDescriptor(other)
  return one
}

/** False for a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

function nameOf(signal: number): NodeJS.Signals {
  const known = Object.entries(constants.signals).find(([, number]) => number === signal)
  // Signals for real-time programs have numbers only.
  return (known?.[0] ?? `SIG${signal}`) as NodeJS.Signals
}

const BURIAL_MS = 5_000
