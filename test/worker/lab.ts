/** A laboratory: a store and a ledger in a folder of their own, and workers that are certain to end with the test. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../../src/brokers/open.ts'
import type { WorkerOptions } from '../../src/worker/index.ts'
import { START_METHOD } from '../pool/start-method.ts'

const home = mkdtempSync(join(tmpdir(), 'carom-lab-'))
process.env.CAROM_BROKER_URL = `embedded:${join(home, 'lab.sqlite')}`
process.env.LAB_LEDGER = join(home, 'ledger')
process.once('exit', () => rmSync(home, { recursive: true, force: true }))

/** How the children of workers start, where a test does not say it. */
export const START = { startMethod: START_METHOD }
export const APP = fileURLToPath(new URL('./fixtures/tasks.js', import.meta.url))
const WORKER = fileURLToPath(new URL('./fixtures/worker-process.js', import.meta.url))

export interface Line {
  readonly event: string
  readonly taskId: string
  readonly attempt: number
  readonly pid: number
}

/** What tasks wrote down, of one task. */
export function ledger(taskId: string): Line[] {
  const path = process.env.LAB_LEDGER as string
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines
    .map((line) => line.split(' ') as [string, string, string, string])
    .map(([event, id, attempt, pid]) => ({ event, taskId: id, attempt: Number(attempt), pid: Number(pid) }))
    .filter((line) => line.taskId === taskId)
}

export interface WorkerProcess {
  readonly process: ChildProcess
  readonly pid: number
  /** Resolves with its exit code or signal. */
  readonly exited: Promise<number | string>
  /** Sends a signal and waits until the worker says that it has got to `stage`: the kernel keeps only one of a kind. */
  climb(signal: NodeJS.Signals, stage: string): Promise<void>
}

/** A worker in a process of its own, ready to consume. Killed when the test ends. */
export async function startWorkerProcess(
  t: TestContext,
  options: Partial<WorkerOptions> = {},
  killPoint?: string,
): Promise<WorkerProcess> {
  const given = JSON.stringify({ app: APP, concurrency: 1, ...START, ...options })
  const args = [WORKER, given, ...(killPoint === undefined ? [] : [killPoint])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | string)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const ready = once(lines, 'line')
  const early = exited.then((end) => {
    throw new Error(`The worker ended (${end}) before it was ready`)
  })
  await Promise.race([ready, early])
  early.catch(() => {})
  const climb = async (signal: NodeJS.Signals, stage: string): Promise<void> => {
    const said = once(lines, 'line')
    child.kill(signal)
    assert.deepEqual(await said, [stage])
  }
  return { process: child, pid: child.pid as number, exited, climb }
}

/** Whether a process is there and not a zombie: PID 1 of a container may never reap. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Pids of the living processes that `pid` has started. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** Claimed messages of all queues. */
export async function claimed(): Promise<number> {
  const broker = await openBroker(process.env.CAROM_BROKER_URL, { appName: 'lab' })
  try {
    return (await broker.depths()).reduce((sum, depth) => sum + depth.claimed, 0)
  } finally {
    await broker.close()
  }
}
