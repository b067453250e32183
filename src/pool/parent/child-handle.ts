/** What the supervisor needs of a child, whatever the child is: a process, a thread, or this process itself. */
import type { FrameError } from '../protocol/frame.ts'
import type { ToChild, ToParent } from '../protocol/messages.ts'
import type { Tickets } from '../protocol/tickets.ts'

export interface ChildHandle {
  /** `null` for one that is no process of its own, that does not exist yet, or could not be started. */
  readonly pid: number | null
  readonly startMethod: 'spawn' | 'fork' | 'thread' | 'inline'
  readonly startedAtMs: number
  /** For what it is given; absent where tickets cannot be had. */
  readonly tickets?: Tickets | null
  /** Bytes of what was sent that wait for the child to read; absent where nothing ever waits. */
  readonly unreadBytes?: number
  send(message: ToChild): void
  /** Hears what the child has said and not told of yet; absent where it always tells. */
  look?(): void
  /** Lets what was sent leave now, where that is not so anyway. */
  flush?(): void
  /** Ends what its job does just now; only of children that were started with `interrupts`. */
  interrupt?(): void
  /** At once and whatever it does, with all that it started, as far as its kind can be ended. `ended` follows in any case. */
  kill(): void
}

/** What a child reports. `ended` comes last and once, and none of it before the handle was given out. */
export interface ChildListener {
  message(message: ToParent): void
  /** What came over the channel was no frame, or it ended before the child; nothing more is read from it. */
  badFrame(error: FrameError): void
  ended(end: ChildEnd): void
}

export interface ChildEnd {
  readonly pid: number | null
  /** `null` with no signal either: it could not be started, or could not be ended and was given up. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** Why it could not be started at all. */
  readonly spawnError: Error | null
  readonly stderrTail: string
  /** V8 said that it had no heap left. */
  readonly heapLimit: boolean
  /** Time of a CPU that it has used, where its end tells that. */
  readonly cpuMs: number | null
}

/** Where a pool's children come from. */
export interface Executor {
  /** Shared memory in what goes to a child and comes from it stays one memory; otherwise it cannot be sent. */
  readonly sharesMemory: boolean
  startChild(generation: number, listener: ChildListener): ChildHandle
  /** The child is gone, with everything that was to be told of it. */
  childGone(end: ChildEnd): void
  /** The pool has ended, and every child with it. */
  end(): void
}
