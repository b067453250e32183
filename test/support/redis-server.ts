/** A redis-server of a test's own: a free port, a folder of its own, killed with the test file. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { spawnBound } from './bound-process.ts'
import { until } from './wait.ts'

const PROGRAM = 'redis-server'

/** Why tests with a server cannot run here; `false` where they can. The test runner says it loudly. */
export const noRedis: string | false = (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',').includes(PROGRAM)
  ? `${PROGRAM} is not installed`
  : false

export class RedisServer {
  readonly port: number
  readonly folder: string
  readonly #settings: readonly string[]
  #process: ChildProcess | null = null

  constructor(port: number, settings: readonly string[]) {
    this.port = port
    this.folder = mkdtempSync(join(tmpdir(), 'carom-redis-'))
    this.#settings = settings
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  url(db = 0, query = ''): string {
    return `redis://127.0.0.1:${this.port}/${db}${query}`
  }

  /** A connection for the test to look with. The test closes it. */
  client(db = 0, password?: string): Redis {
    return new Redis({ port: this.port, host: '127.0.0.1', db, password, protocol: 2 })
  }

  async start(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder]
    const quiet = ['--save', '', '--appendonly', 'yes', '--databases', '1000', '--loglevel', 'warning']
    const child = spawnBound(PROGRAM, [...place, ...quiet, ...this.#settings], { stdio: 'ignore' })
    this.#process = child
    STARTED.add(this)
    await once(child, 'spawn')
    await until(() => this.#answers(), { what: `${PROGRAM} on port ${this.port} answers`, withinMs: 15_000 })
  }

  /** Ends it at once, as a crash does. What it had confirmed is in its folder. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  async remove(): Promise<void> {
    this.signal('SIGCONT')
    await this.kill()
    STARTED.delete(this)
    rmSync(this.folder, { recursive: true, force: true })
  }

  killNow(): void {
    this.#process?.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  async #answers(): Promise<boolean> {
    if (this.#process?.exitCode !== null) throw new Error(`${PROGRAM} ended by itself`)
    const once = { protocol: 2 as const, lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null }
    const client = new Redis({ port: this.port, host: '127.0.0.1', ...once })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.ping()
      return true
    } catch (error) {
      // It wants a password: it is there.
      return error instanceof Error && error.message.startsWith('NOAUTH')
    } finally {
      client.disconnect()
    }
  }
}

/** Starts a server. Whoever started it removes it; what is left is killed with this process. */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const server = new RedisServer(await freePort(), settings)
  try {
    await server.start()
    return server
  } catch (error) {
    await server.remove()
    throw error
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

const STARTED = new Set<RedisServer>()
process.on('exit', () => {
  for (const server of STARTED) server.killNow()
})
