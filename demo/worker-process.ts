/** The demo's worker: the command line as a user would start it, in a process that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const APP = fileURLToPath(new URL('./tasks.js', import.meta.url))

export class WorkerProcess {
  readonly #process: ChildProcess
  #log = ''

  constructor(concurrency: number, env: NodeJS.ProcessEnv, flags: readonly string[] = []) {
    const args = [CLI, 'worker', '--app', APP, '--concurrency', String(concurrency), '--log-format', 'json', ...flags]
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-20_000)
    })
  }

  get pid(): number {
    return this.#process.pid as number
  }

  /** It ended although nobody told it to. */
  get ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  get log(): string {
    return this.#log
  }

  /** As a crash of the machine would: no handler runs, nothing is handed back. */
  async kill(): Promise<void> {
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }

  /** Warm: running tasks finish. Resolves with the exit code; `null` if it had to be killed. */
  async stop(): Promise<number | null> {
    if (this.ended) return this.#process.exitCode
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    const overdue = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS)
    const [code] = (await exited) as [number | null]
    clearTimeout(overdue)
    return code
  }
}

const STOP_MS = 30_000
