/** A Redis, a Carom worker on it, and Python's Celery as a worker and as a client: all of them end with the test file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'

/** Debian's own, for which `python3-celery` is. */
const PYTHON = '/usr/bin/python3'
// The compiled test lies in build/, the Python module in the sources.
const FOLDER = fileURLToPath(new URL('../../../test/interop/fixtures', import.meta.url))
const absent = (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',')

/** Why tests with Python cannot run here; `false` where they can. The test runner says it loudly. */
export const skip: string | false = ['python3-celery', 'python3-redis'].some((name) => absent.includes(name))
  ? "Python's Celery is not installed"
  : noRedis

export interface Lab {
  readonly redis: RedisServer
  /** Asks the Python client one thing, after what was asked before. */
  ask<Reply>(command: string, request: object): Promise<Reply>
  startPythonWorker(): Promise<void>
  startCaromWorker(): Promise<void>
  close(): Promise<void>
}

export async function openLab(): Promise<Lab> {
  const redis = await startRedis()
  process.env.CAROM_BROKER_URL = redis.url()
  const started: ChildProcess[] = []
  const start = (args: readonly string[], stdout: 'pipe' | 'ignore', stderr: 'pipe' | 'inherit') => {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
    const child = spawn(PYTHON, args, { cwd: FOLDER, env, stdio: ['pipe', stdout, stderr] })
    started.push(child)
    return child
  }
  const client = start(['errors.py'], 'pipe', 'inherit')
  const replies = createInterface({ input: client.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  let turn: Promise<unknown> = Promise.resolve()
  let worker: Worker | null = null
  const ask = async (command: string, request: object) => {
    client.stdin?.write(`${JSON.stringify({ command, ...request })}\n`)
    const { value, done } = await replies.next()
    if (done === true) throw new Error(`The Python client ended when it was asked to ${command}`)
    return JSON.parse(value as string) as unknown
  }
  return {
    redis,
    ask<Reply>(command: string, request: object) {
      const reply = turn.then(() => ask(command, request))
      turn = reply.catch(() => {})
      return reply as Promise<Reply>
    },
    startPythonWorker: () => ready(start(WORKER_ARGS, 'ignore', 'pipe')),
    async startCaromWorker() {
      worker = await startWorker({
        app: new URL('./fixtures/error-tasks.js', import.meta.url),
        concurrency: 1,
        node: 'lab',
      })
    },
    async close() {
      await worker?.stop('now')
      await Promise.all(started.map(kill))
      await redis.remove()
    },
  }
}

const WORKER_ARGS = ['-m', 'celery', '-A', 'errors', 'worker', '-n', 'py@lab', '-P', 'solo', '-l', 'INFO']

/** Resolves when the worker says that it is ready. */
function ready(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (text) => {
      said = `${said}${text}`.slice(-10_000)
      if (said.includes(' ready.')) resolve()
    })
    child.once('exit', () => reject(new Error(`The Python worker ended before it was ready:\n${said}`)))
  })
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
