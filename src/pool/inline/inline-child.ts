/**
 * A child that is no more than a loop in this process. It cannot be ended: one that is killed is heard no more, its
 * jobs are asked to stop through their signals, and what does not listen runs on unheard.
 *
 * Every order is carried out in a turn of the event loop of its own: nothing happens inside the pool's own steps, and
 * what else this process does gets its turns between two jobs. Reports are heard at once, since a function that keeps
 * the event loop busy would hold them up.
 */
import { whileAskingThrough } from '../child/ask.ts'
import type { Channel } from '../child/channel.ts'
import { ChildLoop } from '../child/loop.ts'
import type { ChildHandle, ChildListener } from '../parent/child-handle.ts'
import { FrameError } from '../protocol/frame.ts'
import type { ToChild, ToParent } from '../protocol/messages.ts'

/** Runs it in the asynchronous context that the child's functions are to see. */
export type InContext = (run: () => void) => void

export class InlineChild implements ChildHandle {
  readonly pid = null
  readonly startMethod = 'inline'
  readonly startedAtMs = performance.now()
  readonly #listener: ChildListener
  readonly #inContext: InContext
  readonly #loop: ChildLoop
  readonly #orders: ToChild[] = []
  #isOver = false

  constructor(listener: ChildListener, inContext: InContext) {
    this.#listener = listener
    this.#inContext = inContext
    // No mark that a child loads the module: this process may make other pools of it meanwhile.
    this.#loop = new ChildLoop(this.#channel(), (_module, load) => load())
  }

  send(order: ToChild): void {
    if (this.#orders.length === 0) setImmediate(() => this.#carryOutNext())
    this.#orders.push(order)
  }

  kill(): void {
    if (this.#isOver) return
    this.#end(null)
    this.#loop.abandon()
  }

  #carryOutNext(): void {
    const order = this.#orders.shift() as ToChild
    if (this.#orders.length > 0) setImmediate(() => this.#carryOutNext())
    if (this.#isOver) return
    this.#inContext(() => whileAskingThrough(this.#loop.questions, () => this.#loop.order(order)))
  }

  #channel(): Channel {
    return {
      sharesMemory: true,
      send: (report) => this.#report(report),
      sendLatest: (report) => this.#report(report),
      sendNow: (report, sent) => {
        this.#report(report)
        if (!this.#isOver) sent()
      },
      leave: (exitCode = 0) => this.#end(exitCode),
    }
  }

  #report(report: ToParent): void {
    if (this.#isOver) return
    try {
      this.#listener.message(report)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#listener.badFrame(error)
    }
  }

  #end(exitCode: number | null): void {
    if (this.#isOver) return
    this.#isOver = true
    const end = { ...NO_PROCESS, exitCode }
    setImmediate(() => this.#listener.ended(end))
  }
}

const NO_PROCESS = { pid: null, signal: null, spawnError: null, stderrTail: '', heapLimit: false, cpuMs: null }
