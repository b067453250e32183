/** Python's Celery, as Debian ships it: a client that is asked line by line, and a worker. Both end with the test. */
import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeWireJson, encodeWireJson } from '../../src/message/wire-json.ts'
import { spawnBound } from '../support/bound-process.ts'

/** Debian's own, for which `python3-celery` is. */
const PYTHON = '/usr/bin/python3'
// The compiled test lies in build/, the Python module in the sources.
const FOLDER = fileURLToPath(new URL('../../../test/interop/fixtures', import.meta.url))

const absent = (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',')
/** Why tests with Python cannot run here; `false` where they can. The test runner says it loudly. */
export const noCelery: string | false =
  ['python3-celery', 'python3-redis'].find((name) => absent.includes(name)) === undefined
    ? false
    : "Python's Celery is not installed"

/** Whatever releases what was started for it: a test, or a file. */
export interface Scope {
  after(release: () => unknown): void
}

export interface PythonError {
  readonly type: string
  readonly module: string
  readonly args: readonly string[]
}

export interface Called {
  readonly id: string
  readonly state: string
  readonly value?: unknown
  readonly error?: PythonError
  readonly traceback?: string
}

export class PythonClient {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(child: ChildProcess, lines: Interface) {
    this.#process = child
    this.#lines = lines[Symbol.asyncIterator]()
  }

  /** Asks one thing at a time. */
  async ask(request: Readonly<Record<string, unknown>>): Promise<unknown> {
    this.#process.stdin?.write(`${encodeWireJson(request)}\n`)
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('The Python client ended: see what it wrote to stderr')
    return decodeWireJson(value as string)
  }

  async call(task: string, request: Readonly<Record<string, unknown>> = {}): Promise<Called> {
    return (await this.ask({ command: 'call', task, ...request })) as Called
  }
}

/** `module` reads requests and writes replies, a line for each. */
export function startPythonClient(
  scope: Scope,
  url: string,
  module = 'mixed.py',
  env: NodeJS.ProcessEnv = {},
): PythonClient {
  const child = spawnBound(PYTHON, [module], {
    cwd: FOLDER,
    env: environment(url, env),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  endWith(scope, child)
  return new PythonClient(child, createInterface({ input: child.stdout as NodeJS.ReadableStream }))
}

export interface PythonWorkerOptions {
  readonly queues?: readonly string[]
  /** Children of its prefork pool, Celery's default pool. @default none: tasks run in its own process, one at a time */
  readonly processes?: number
  readonly env?: NodeJS.ProcessEnv
}

export interface PythonWorker {
  readonly process: ChildProcess
  /** The end of what it has logged. */
  log(): string
}

/** A worker of a module of ours; resolves when it says that it is ready. */
export async function startPythonWorker(
  scope: Scope,
  url: string,
  { queues = ['py'], processes, env = {} }: PythonWorkerOptions = {},
): Promise<PythonWorker> {
  const pool = processes === undefined ? ['-P', 'solo', '-c', '1'] : ['-P', 'prefork', '-c', String(processes)]
  const node = ['-n', `py${process.pid}@here`, '-Q', queues.join(','), ...pool, '-l', 'INFO']
  const child = spawnBound(PYTHON, ['-m', 'celery', '-A', 'mixed', 'worker', ...node], {
    cwd: FOLDER,
    env: environment(url, env),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  endWith(scope, child)
  let said = ''
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (text) => {
      said = `${said}${text}`.slice(-MAX_LOG_CHARS)
      if (said.includes(' ready.')) resolve()
    })
    child.once('exit', () => reject(new Error(`The Python worker ended before it was ready:\n${said}`)))
  })
  await ready
  return { process: child, log: () => said }
}

/** Runs `celery` with these arguments to its end. */
export function celeryCommand(url: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const env = environment(url, {})
  return promisify(execFile)(PYTHON, ['-m', 'celery', ...args], { cwd: FOLDER, env, timeout: 20_000 })
}

function environment(url: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...process.env, CAROM_BROKER_URL: url, PYTHONDONTWRITEBYTECODE: '1', ...env }
}

function endWith(scope: Scope, child: ChildProcess): void {
  scope.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  })
}

const MAX_LOG_CHARS = 200_000
