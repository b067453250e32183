/** Starts other processes on a store. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { afterwards } from '../conformance/open.ts'
import { until } from '../support/wait.ts'

export interface StoreProcess {
  readonly pid: number
  /** What it has said so far, line by line. */
  readonly lines: readonly string[]
  /** Resolves when it has said `count` lines. */
  said(count: number, withinMs?: number): Promise<readonly string[]>
  write(line: string): void
  /** Ends its input. */
  end(): void
  kill(): Promise<void>
  /** Its exit code; rejects when it does not end within `withinMs`. */
  ended(withinMs?: number): Promise<number | null>
}

export interface StartOptions {
  readonly argument?: string
  /** The Node to run it with. @default this one */
  readonly node?: string
}

/** Starts `fixtures/store-process` for one test, which ends it. */
export function start(t: TestContext, command: string, url: string, options: StartOptions = {}): StoreProcess {
  const { argument = '', node = process.execPath } = options
  const args = [PROGRAM, command, url, argument]
  const child = spawn(node, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const started = toStoreProcess(child, exited)
  afterwards(t, () => started.kill())
  return started
}

function toStoreProcess(
  child: ChildProcessByStdio<Writable, Readable, null>,
  exited: Promise<readonly unknown[]>,
): StoreProcess {
  const lines: string[] = []
  const closed = once(child, 'close')
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  // Killed while something is being written to it.
  child.stdin.on('error', () => {})
  return {
    pid: child.pid ?? 0,
    lines,
    async said(count, withinMs = 10_000) {
      await until(() => lines.length >= count, { withinMs, what: `the other process has said ${count} lines` })
      return lines
    },
    write: (line) => child.stdin.write(`${line}\n`),
    end: () => child.stdin.end(),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
      await closed
    },
    async ended(withinMs = 10_000) {
      await until(() => child.exitCode !== null || child.signalCode !== null, { withinMs, what: 'it has ended' })
      await closed
      return child.exitCode
    },
  }
}

export const PROGRAM = fileURLToPath(new URL('./fixtures/store-process.js', import.meta.url))
