/** A RabbitMQ of the test's own: free ports, its own folder, killed with the test file. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from './wait.ts'

export interface RabbitServer {
  readonly port: number
  /** The URL of that vhost, as the user guest. */
  url(vhost?: string): string
  /** A vhost that no other test has. Many are made at a time. */
  vhost(): Promise<string>
  /** Runs Erlang inside the server and gives what it prints. */
  evaluate(erlang: string): Promise<string>
  control(...words: string[]): Promise<string>
  /** SIGSTOP to what answers on its ports, and SIGCONT. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** SIGKILL, as a crash; the data stays. */
  kill(): Promise<void>
  /** Starts it again on its data. */
  start(): Promise<void>
  /** Kills everything and removes the folder. */
  remove(): Promise<void>
}

/** Why there can be none here, for `skip`; false where there can. */
export function withoutRabbit(): string | false {
  const skipped = (process.env.CAROM_TEST_SKIP_SYSTEM ?? '').split(',').includes('rabbitmq-server')
  return skipped ? '!! rabbitmq-server is not installed' : false
}

/** Starts one; takes four seconds. @param config further lines of `rabbitmq.conf` @param flags further ones of Erlang */
export async function startRabbit(config: readonly string[] = [], flags = ''): Promise<RabbitServer> {
  const folder = await mkdtemp(join(tmpdir(), 'carom-rabbit-'))
  const [port, distribution, epmd] = await freePorts(3)
  const env = {
    ...process.env,
    HOME: folder,
    RABBITMQ_NODENAME: `carom${port}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_CRASH_DUMP: join(folder, 'erl_crash.dump'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    // No busy waiting: the machine has other things to do.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `+sbwt none +sbwtdcpu none +sbwtdio none ${flags}`,
  }
  await writeFile(join(folder, 'plugins'), '[].')
  const lines = [`listeners.tcp.default = 127.0.0.1:${port}`, 'loopback_users = none', 'log.console = true', ...config]
  await writeFile(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`)
  const server = new Server(folder, port as number, env)
  try {
    await server.start()
    return server
  } catch (error) {
    await server.remove()
    throw error
  }
}

class Server implements RabbitServer {
  readonly port: number
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  #process: ChildProcess | null = null
  /** Erlang's name service: a server would start a daemon that outlives it. */
  #names: ChildProcess | null = null
  #vhosts: string[] = []
  #made = 0

  constructor(folder: string, port: number, env: NodeJS.ProcessEnv) {
    this.#folder = folder
    this.port = port
    this.#env = env
  }

  url(vhost = '/'): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}/${encodeURIComponent(vhost)}`
  }

  async vhost(): Promise<string> {
    if (this.#vhosts.length === 0) {
      const names = Array.from({ length: MANY }, () => `v${++this.#made}`)
      const list = names.map((name) => `<<"${name}">>`).join(',')
      const grant =
        'rabbit_auth_backend_internal:set_permissions(<<"guest">>, V, <<".*">>, <<".*">>, <<".*">>, <<"t">>)'
      await this.evaluate(`[begin rabbit_vhost:add(V, <<"t">>), ${grant} end || V <- [${list}]].`)
      this.#vhosts = names
    }
    return this.#vhosts.shift() as string
  }

  evaluate(erlang: string): Promise<string> {
    return this.control('eval', erlang)
  }

  async control(...words: string[]): Promise<string> {
    const { stdout } = await run(program('rabbitmqctl'), words, { env: this.#env, cwd: this.#folder, timeout: 30_000 })
    return stdout
  }

  async start(): Promise<void> {
    await this.#startNames()
    let log = ''
    const child = spawn(program('rabbitmq-server'), [], {
      env: this.#env,
      cwd: this.#folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => (log = `${log}${chunk}`.slice(-4_000)))
    const isUp = () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`RabbitMQ did not start:\n${log}`)
      return /completed with \d+ plugins/.test(log)
    }
    await until(isUp, { withinMs: 50_000, what: 'RabbitMQ has started' })
  }

  async freeze(): Promise<void> {
    process.kill(await this.#pid(), 'SIGSTOP')
  }

  async thaw(): Promise<void> {
    process.kill(await this.#pid(), 'SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // Erlang first: the shell that started it then reaps it and ends.
    const pid = await this.#pid().catch(() => 0)
    if (pid > 0) process.kill(pid, 'SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), 2_000)
    await ended
    clearTimeout(timer)
  }

  async #startNames(): Promise<void> {
    if (this.#names !== null) return
    const port = Number(this.#env.ERL_EPMD_PORT)
    this.#names = spawn('epmd', ['-port', String(port)], { env: this.#env, stdio: 'ignore' })
    await until(() => isOpen(port), { what: 'the name service answers' })
  }

  async #pid(): Promise<number> {
    return Number(await readFile(join(this.#folder, 'pid'), 'utf8'))
  }

  async remove(): Promise<void> {
    await this.kill()
    this.#names?.kill('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
}

/** Debian's own wrapper changes the user, and with that the folders it may write to. */
function program(name: string): string {
  const bare = join('/usr/lib/rabbitmq/bin', name)
  return process.getuid?.() === 0 && existsSync(bare) ? bare : name
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = servers.map(
    (server) =>
      new Promise<number>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
      }),
  )
  const numbers = await Promise.all(ports)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return numbers
}

const run = promisify(execFile)
const MANY = 16
