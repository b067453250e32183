/** What the demos kill, and what was in flight at that moment: only that may run again. */
import type { Ledger, Run } from './ledger.ts'
import { untilGone } from './process-state.ts'
import type { Progress } from './progress.ts'
import type { WorkerProcess } from './worker-process.ts'

export interface Kill {
  readonly what: 'a child' | 'the worker' | 'Redis'
  readonly pid: number
  /** Runs that had begun and whose outcome was not stored when the signal was sent. */
  readonly inFlight: readonly Run[]
}

/** Whether the outcome of a task is stored. */
export type IsSettled = (taskId: string) => Promise<boolean>

export class Strikes {
  readonly kills: Kill[] = []
  readonly #ledger: Ledger
  readonly #progress: Progress
  readonly #isSettled: IsSettled

  constructor(ledger: Ledger, progress: Progress, isSettled: IsSettled) {
    this.#ledger = ledger
    this.#progress = progress
    this.#isSettled = isSettled
  }

  /** False while no child runs anything. */
  async child(): Promise<boolean> {
    const victim = this.#ledger.inFlight().at(-1)
    if (victim === undefined) return false
    process.kill(victim.pid, 'SIGKILL')
    await untilGone([victim.pid])
    this.#ledger.read()
    // A child runs one task at a time: what it had begun last is all that its death can have cut off.
    this.#struck('a child', victim.pid, [this.#ledger.latest.get(victim.pid) as Run])
    return true
  }

  async worker(worker: WorkerProcess): Promise<void> {
    await worker.kill()
    // Its children die with it; what they still wrote belongs to what was in flight.
    await untilGone([...this.#ledger.latest.keys()])
    this.#struck('the worker', worker.pid, await this.#unsettled())
  }

  /** `restart` kills the server and starts it again; the worker goes on meanwhile. */
  async redis(pid: number, restart: () => Promise<void>): Promise<void> {
    const before = await this.#unsettled()
    const known = new Set(this.#runs())
    await restart()
    this.#ledger.read()
    // What began while nobody could store anything, or just before, may be cut off like what had begun.
    this.#struck('Redis', pid, [...before, ...this.#runs().filter((run) => !known.has(run))])
  }

  /** The runs that have begun and have no stored result. Without a worker that does not change: they will run again. */
  async #unsettled(): Promise<Run[]> {
    this.#ledger.read()
    const runs = this.#runs()
    const settled = await Promise.all(runs.map(({ taskId }) => this.#isSettled(taskId)))
    return runs.filter((_, index) => settled[index] === false)
  }

  #runs(): Run[] {
    return [...this.#ledger.runs.values()].flat()
  }

  #struck(what: Kill['what'], pid: number, inFlight: readonly Run[]): void {
    this.kills.push({ what, pid, inFlight })
    this.#progress.say(`  killed ${what} (pid ${pid}) with SIGKILL`)
  }
}
