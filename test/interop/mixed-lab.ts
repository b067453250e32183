/**
 * A laboratory for one test file: one Redis or one RabbitMQ, a Python client, and the workers that the file asks for. They
 * are started once, and end with the file.
 *
 * What holds on both brokers is written down once, in the files named after what it is about (`chains.ts`, `times.ts`),
 * and registered by a test file for each broker. A case that holds on one of them only says why.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startWorker, type Worker, type WorkerOptions } from '../../src/worker/index.ts'
import { startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import {
  type Called,
  noCelery,
  type PythonClient,
  type PythonWorker,
  type PythonWorkerOptions,
  type Scope,
  startPythonClient,
  startPythonWorker,
} from './python.ts'

export const APP = fileURLToPath(new URL('./fixtures/mixed.js', import.meta.url))
/** Tests of a mixed cluster need both. */
export const skip: string | false = noRedis || noCelery
/** Without Redis there is no `python3-redis` either, which the fixtures import. */
export const skipAmqp: string | false = withoutRabbit() || skip
export const GET = { timeoutMs: 10_000 }

export type BrokerName = 'Redis' | 'RabbitMQ'

export interface MixedOptions {
  /** @default 'Redis' */
  readonly broker?: BrokerName
  /** With RabbitMQ. `rpc`: to whoever sent the task. `Redis`: beside it, as chords need it. @default 'rpc' */
  readonly results?: 'rpc' | 'Redis'
  /** Settings of Python's app, client and worker. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Of the Python worker, on the queue "py"; `null` for none. */
  readonly python?: PythonWorkerOptions | null
  /** Of the Carom worker, on the queue "ts"; `null` for none. */
  readonly carom?: Partial<WorkerOptions> | null
  /** Of the Python client. */
  readonly env?: NodeJS.ProcessEnv
  /** Parameters of Carom's URL of a Redis, as in '?visibilityTimeoutMs=1000'. */
  readonly query?: string
  /** Those of its URL of results, in the same database. @default the broker's */
  readonly resultsQuery?: string
}

/** What stands when a test of the file begins. */
export interface Mixed {
  readonly broker: BrokerName
  /** The broker, or what keeps the results beside a RabbitMQ. */
  readonly server: RedisServer
  /** Of the broker, for Python: without parameters, of which it knows others. */
  readonly url: string
  readonly python: PythonClient
  readonly pythonWorker: PythonWorker
  readonly caromWorker: Worker
  /** The app and its tasks, as a client in this process. */
  readonly carom: typeof import('./fixtures/mixed.ts')
  /** Released when the file ends. */
  readonly scope: Scope
  /** Another client of Python's, which ends with the file. */
  pythonClient(env?: NodeJS.ProcessEnv): PythonClient
  /** A case that holds on every broker. */
  test(title: string, body: (t: TestContext) => Promise<void>): void
  /** A case that holds on this broker only. @param why it does not on the other */
  testOn(broker: BrokerName, why: string, title: string, body: (t: TestContext) => Promise<void>): void
}

type Open = { -readonly [Key in keyof Mixed]: Mixed[Key] }

/** Calls `before` and `after`: for the top of a test file. What it gives stands from the first test on. */
export function mixedCluster(options: MixedOptions = {}): Mixed {
  const mixed = {} as Open
  const { broker = 'Redis' } = options
  const skipped = broker === 'Redis' ? skip : skipAmqp
  const releases: (() => unknown)[] = []
  mixed.broker = broker
  mixed.scope = { after: (release) => void releases.push(release) }
  mixed.pythonClient = (env) => startPythonClient(mixed.scope, mixed.url, undefined, env)
  mixed.test = (title, body) => void test(title, { skip: skipped, timeout: 40_000 }, body)
  mixed.testOn = (only, _why, title, body) => only === broker && mixed.test(title, body)
  if (skipped !== false) return mixed
  before(() => start(mixed, options), { timeout: 60_000 })
  after(async () => {
    for (const release of releases.reverse()) await release()
  })
  return mixed
}

async function start(mixed: Open, options: MixedOptions): Promise<void> {
  const { scope } = mixed
  const folder = mkdtempSync(join(tmpdir(), 'carom-mixed-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  process.env.MIXED_LEDGER = join(folder, 'ledger')
  await (mixed.broker === 'Redis' ? openRedis(mixed, options) : openRabbit(mixed, options))
  mixed.python = mixed.pythonClient(options.env)
  const [carom] = await Promise.all([
    import('./fixtures/mixed.ts'),
    startPython(mixed, options),
    startCarom(mixed, options),
  ])
  mixed.carom = carom
  scope.after(() => carom.app.close())
}

async function openRedis(mixed: Open, { query, resultsQuery, config = {} }: MixedOptions): Promise<void> {
  mixed.server = await owned(mixed, startRedis())
  mixed.url = mixed.server.url()
  process.env.CAROM_BROKER_URL = mixed.server.url(0, query)
  if (resultsQuery !== undefined) process.env.CAROM_RESULT_BACKEND = mixed.server.url(0, resultsQuery)
  process.env.MIXED_CONFIG = JSON.stringify(config)
}

async function openRabbit(mixed: Open, { results = 'rpc', config = {} }: MixedOptions): Promise<void> {
  const rabbit = owned(mixed, startRabbit())
  if (results === 'Redis') mixed.server = await owned(mixed, startRedis())
  mixed.url = (await rabbit).url()
  const backend = results === 'Redis' ? mixed.server.url() : 'rpc://'
  process.env.CAROM_BROKER_URL = `${mixed.url}?maxPriority=${MAX_PRIORITY}`
  process.env.CAROM_RESULT_BACKEND = backend
  process.env.MIXED_CONFIG = JSON.stringify({
    result_backend: backend,
    task_queue_max_priority: MAX_PRIORITY,
    ...config,
  })
}

async function owned<T extends { remove(): unknown }>({ scope }: Open, starting: Promise<T>): Promise<T> {
  const server = await starting
  scope.after(() => server.remove())
  return server
}

async function startPython(mixed: Open, { python = {} }: MixedOptions): Promise<void> {
  if (python === null) return
  mixed.pythonWorker = await startPythonWorker(mixed.scope, mixed.url, python)
}

async function startCarom(mixed: Open, { carom = {} }: MixedOptions): Promise<void> {
  if (carom === null) return
  mixed.caromWorker = await startWorker({ app: APP, concurrency: 1, node: 'ts@here', queues: ['ts'], ...carom })
  mixed.scope.after(() => mixed.caromWorker.stop('now'))
}

/** A workflow as `mixed.py` builds it from JSON: one call, on the queue of that side. */
export function on(
  who: 'py' | 'ts',
  task: string,
  args: readonly unknown[] = [],
  options: object = {},
): readonly unknown[] {
  return ['sig', `${who}.${task}`, args, { queue: who, ...options }]
}

/** Has Python send a workflow and wait for what comes of it. */
export function runWorkflow(
  mixed: Pick<Mixed, 'python'>,
): (spec: readonly unknown[], more?: object) => Promise<Called> {
  return async (spec, more = {}) => (await mixed.python.ask({ command: 'workflow', spec, ...more })) as Called
}

/** Options of a call from Python that has expired before it runs. What expires in its queue RabbitMQ drops itself. */
export function expired({ broker }: Mixed): { readonly countdown?: number; readonly expires: number } {
  return broker === 'Redis' ? { expires: -1 } : { countdown: 0.9, expires: 0.6 }
}

export interface Line {
  readonly who: 'py' | 'ts'
  readonly event: string
  readonly taskId: string
  readonly atMs: number
}

/** What tasks of either side wrote down. */
export function ledger(): Line[] {
  const path = process.env.MIXED_LEDGER as string
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const [who, event, taskId, at] = line.split(' ') as ['py' | 'ts', string, string, string]
    return { who, event, taskId, atMs: Number(at) }
  })
}

/** The lines of `event`, once there are `count` of them. */
export async function wrote(event: string, count = 1): Promise<Line[]> {
  const lines = () => ledger().filter((line) => line.event === event)
  await until(() => lines().length >= count, { what: `${event} was written`, withinMs: 10_000 })
  return lines()
}

/** What ran of these, once all have run. */
export async function runsOf(ids: readonly string[], withinMs = 30_000): Promise<Line[]> {
  const wanted = new Set(ids)
  const runs = () => ledger().filter(({ taskId }) => wanted.has(taskId))
  const isDone = () => new Set(runs().map(({ taskId }) => taskId)).size === wanted.size
  await until(isDone, { what: 'all have run', withinMs })
  return runs()
}

const MAX_PRIORITY = 10
