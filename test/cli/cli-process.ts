/** The compiled command line as a real process, in a project folder of its own, on a real embedded store. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../support/wait.ts'

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
export const SHOP = fileURLToPath(new URL('./fixtures/shop.js', import.meta.url))

/** Ends what was opened, the last first. */
export class Owner {
  readonly #ends: (() => Promise<void> | void)[] = []

  after(fn: () => Promise<void> | void): void {
    this.#ends.push(fn)
  }

  async end(): Promise<void> {
    for (const fn of this.#ends.reverse()) await fn()
  }
}

/** An owner that ends with the test. */
export function ownerOf(t: TestContext): Owner {
  const owner = new Owner()
  t.after(() => owner.end())
  return owner
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
}

/** A new folder with a package.json, whose `.carom` will hold the store. */
export function project(owner: Owner): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-cli-'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  owner.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs `carom` with `words` until it ends. */
export async function carom(words: readonly string[], { cwd, env = {} }: RunOptions): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const [code] = await once(child, 'close')
  return { code, stdout: stdout(), stderr: stderr() }
}

/** What a command answered to a program. @throws if it failed. */
export async function answer(words: readonly string[], options: RunOptions): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await carom([...words, '--json'], options)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

/** The error of a command that was asked for JSON: the last line, since a user's module may print too. */
export function jsonError({ stderr }: Ended): { code: string; exitCode: number; message: string } {
  return JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '').error
}

export interface RunningWorker {
  readonly process: ChildProcess
  /** The facts of its line "ready". */
  readonly ready: Readonly<Record<string, unknown>> & { readonly node: string; readonly pid: number }
  /** Lines of its log so far. */
  log(): Record<string, unknown>[]
  /** Resolves with the exit code. */
  readonly exit: Promise<number | null>
}

/** Starts `carom worker` and resolves when it consumes. It is killed at the end if it still runs. */
export async function startedWorker(
  owner: Owner,
  words: readonly string[],
  options: RunOptions,
): Promise<RunningWorker> {
  const worker = startingWorker(owner, words, options)
  const ready = await until(() => worker.log().find(({ event }) => event === 'ready') ?? worker.endedEarly(), {
    withinMs: 15_000,
    what: 'the worker is ready',
  })
  return { ...worker, ready: ready as RunningWorker['ready'] }
}

/** Starts `carom worker`, and gives it before it is ready. */
export function startingWorker(owner: Owner, words: readonly string[], options: RunOptions) {
  const all = [MAIN, 'worker', '--log-format', 'json', ...words]
  const env = { ...cleanEnvironment(), ...options.env }
  const child = spawn(process.execPath, all, { cwd: options.cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
  const stderr = collect(child.stderr)
  const exit = once(child, 'close').then(([code]) => code as number | null)
  owner.after(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const log = () => jsonLines(stderr())
  return { process: child, log, exit, endedEarly: () => endedEarly(child, stderr()) }
}

/** The lines of a file that may not be there yet. */
export function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  } catch {
    return []
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function endedEarly({ exitCode, signalCode }: ChildProcess, stderr: string): null {
  if (exitCode === null && signalCode === null) return null
  throw new assert.AssertionError({ message: `The worker ended (${exitCode ?? signalCode}):\n${stderr}` })
}

/** Without what the person who runs the tests has set for a use of their own. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OWN_SETTINGS.test(name)))
}

const OWN_SETTINGS = /^(CAROM_(APP|BROKER_URL|RESULT_BACKEND|DEBUG)|NODE_ENV|NODE_OPTIONS|NO_COLOR|NODE_TEST_CONTEXT)$/

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: string[] = []
  stream.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  return () => chunks.join('')
}

/** A user's module in a child may print between the lines of the log. */
function jsonLines(text: string): Record<string, unknown>[] {
  const complete = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
}
