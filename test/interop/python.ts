/** Python's Celery, as Debian ships it: a client that is asked line by line, and a worker. Both end with the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

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
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`)
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('The Python client ended: see what it wrote to stderr')
    return JSON.parse(value as string)
  }

  async call(task: string, request: Readonly<Record<string, unknown>> = {}): Promise<Called> {
    return (await this.ask({ command: 'call', task, ...request })) as Called
  }
}

/** `module` reads requests and writes replies, a line for each. */
export function startPythonClient(t: TestContext, url: string, module = 'shop.py'): PythonClient {
  const child = spawn(PYTHON, [module], {
    cwd: FOLDER,
    env: environment(url, {}),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  endWith(t, child)
  return new PythonClient(child, createInterface({ input: child.stdout as NodeJS.ReadableStream }))
}

/** A worker of the module `shop.py`; resolves when it says that it is ready. */
export async function startPythonWorker(
  t: TestContext,
  url: string,
  { queues = ['pyshop'], env = {} }: { readonly queues?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<ChildProcess> {
  const node = ['-n', `py${process.pid}@here`, '-Q', queues.join(','), '-c', '1', '-P', 'solo', '-l', 'INFO']
  const args = ['-m', 'celery', '-A', 'shop', 'worker', ...node]
  const child = spawn(PYTHON, args, { cwd: FOLDER, env: environment(url, env), stdio: ['ignore', 'ignore', 'pipe'] })
  endWith(t, child)
  let said = ''
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (text) => {
      said = `${said}${text}`.slice(-10_000)
      if (said.includes(' ready.')) resolve()
    })
    child.once('exit', () => reject(new Error(`The Python worker ended before it was ready:\n${said}`)))
  })
  await ready
  return child
}

function environment(url: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...process.env, CAROM_BROKER_URL: url, PYTHONDONTWRITEBYTECODE: '1', ...env }
}

function endWith(t: TestContext, child: ChildProcess): void {
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
}
