/** What the tasks wrote down of themselves, read as it grows: the demo's witness beside the store. */
import { closeSync, openSync, readSync } from 'node:fs'

export interface Run {
  readonly taskId: string
  readonly attempt: number
  readonly pid: number
  ended: boolean
}

export class Ledger {
  readonly path: string
  readonly runs = new Map<string, Run[]>()
  /** The run that each process has begun last. */
  readonly latest = new Map<number, Run>()
  readonly #fd: number
  #offset = 0
  #rest = ''
  #ended = 0
  #bytes = 0

  constructor(path: string) {
    this.path = path
    this.#fd = openSync(path, 'a+', 0o600)
  }

  /** Tasks that have ended at least once. */
  get ended(): number {
    return this.#ended
  }

  /** Bytes of the files of those tasks. */
  get bytes(): number {
    return this.#bytes
  }

  /** Reads what was added since the last time. */
  read(): void {
    const chunk = Buffer.alloc(1024 * 1024)
    for (;;) {
      const length = readSync(this.#fd, chunk, 0, chunk.length, this.#offset)
      if (length === 0) return
      this.#offset += length
      const lines = (this.#rest + chunk.toString('utf8', 0, length)).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.#add(line)
    }
  }

  /** Runs that have begun and not ended. */
  inFlight(): Run[] {
    return [...this.runs.values()].flat().filter((run) => !run.ended)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #add(line: string): void {
    const [event, taskId, attempt, pid, bytes] = line.split(' ') as [string, string, string, string, string]
    const runs = this.runs.get(taskId) ?? []
    this.runs.set(taskId, runs)
    if (event === 'START') {
      const run = { taskId, attempt: Number(attempt), pid: Number(pid), ended: false }
      runs.push(run)
      this.latest.set(run.pid, run)
    } else {
      if (!runs.some((run) => run.ended)) {
        this.#ended++
        this.#bytes += Number(bytes)
      }
      const run = runs.find((candidate) => candidate.pid === Number(pid) && candidate.attempt === Number(attempt))
      if (run !== undefined) run.ended = true
    }
  }
}
