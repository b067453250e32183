/** The programs beside Carom: Redis, a Celery worker, and a Python client. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The Python modules lie beside the sources; this file runs compiled. */
const PYTHON_FOLDER = fileURLToPath(new URL('../../../demo/celery', import.meta.url))

/** The first Python that has Celery and its Redis client. */
export function findPython(): string | null {
  const has = (python: string) => spawnSync(python, ['-c', 'import celery, redis']).status === 0
  return ['python3', '/usr/bin/python3'].find(has) ?? null
}

export class RedisServer {
  readonly #folder: string
  #port = 0
  #process: ChildProcess | null = null

  constructor(folder: string) {
    this.#folder = folder
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}/0`
  }

  async start(): Promise<void> {
    this.#port ||= await freePort()
    const place = ['--port', String(this.#port), '--bind', '127.0.0.1', '--dir', this.#folder]
    this.#process = spawn('redis-server', [...place, '--save', '', '--appendonly', 'yes'], { stdio: 'ignore' })
    const deadlineMs = performance.now() + START_MS
    while (spawnSync('redis-cli', ['-p', String(this.#port), 'ping'], { encoding: 'utf8' }).stdout !== 'PONG\n') {
      if (performance.now() > deadlineMs) throw new Error('redis-server does not answer')
      await pause(20)
    }
  }

  async kill(): Promise<void> {
    if (this.#process === null) return
    await killed(this.#process)
    this.#process = null
  }
}

/** A Celery worker with two children, on the queue "python". */
export function startCelery(python: string, env: NodeJS.ProcessEnv): { stop(): Promise<void>; log(): string } {
  const args = [
    '-m',
    'celery',
    '-A',
    'shop',
    'worker',
    '--concurrency',
    '2',
    '--queues',
    'python',
    '--loglevel',
    'WARNING',
  ]
  const child = spawn(python, args, { cwd: PYTHON_FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-20_000)
    })
  }
  return { stop: () => killed(child), log: () => log }
}

export interface PythonClient {
  /** Resolves when its last call is confirmed. */
  readonly sent: Promise<ReadonlyMap<string, string>>
  /** Resolves with what it read as results, by id. */
  readonly ended: Promise<ReadonlyMap<string, unknown>>
  stop(): Promise<void>
}

/** Calls the TypeScript task once for each path, and reads the results. */
export function startClient(python: string, paths: readonly string[], env: NodeJS.ProcessEnv): PythonClient {
  const child = spawn(python, ['shop.py'], { cwd: PYTHON_FOLDER, env, stdio: ['pipe', 'pipe', 'inherit'] })
  const sent = new Map<string, string>()
  const settled = new Map<string, unknown>()
  const allSent = new Promise<ReadonlyMap<string, string>>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const said = JSON.parse(line) as { event: string; id: string; path: string; value?: unknown; error?: string }
      if (said.event === 'sent') sent.set(said.id, said.path)
      else settled.set(said.id, said.error === undefined ? said.value : new Error(said.error))
      if (sent.size === paths.length) resolve(sent)
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error('The Python client ended before it had sent everything')))
  })
  allSent.catch(() => {})
  const ended = once(child, 'close').then(() => settled)
  child.stdin.on('error', () => {}).end(paths.map((path) => `${JSON.stringify(path)}\n`).join(''))
  return { sent: allSent, ended, stop: () => killed(child) }
}

/** A process, and its group where it leads one. */
async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  if (!child.kill('SIGKILL')) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It leads no group.
  }
  await exited
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

const START_MS = 15_000
