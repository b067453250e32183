/**
 * A laboratory for one test file: one RabbitMQ, a Python client, and the workers that the file asks for, with the same
 * tasks as on Redis. Results go to their sender, or to a Redis beside it. All is started once, and ends with the file.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { startWorker } from '../../src/worker/index.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'
import { noRedis, startRedis } from '../support/redis-server.ts'
import { APP, type Mixed, type MixedOptions } from './mixed-lab.ts'
import { noCelery, startPythonClient, startPythonWorker } from './python.ts'

/** Without Redis there is no `python3-redis` either, which the fixtures import where results are there. */
export const skipAmqp: string | false = withoutRabbit() || noCelery || noRedis

export interface AmqpMixedOptions extends Omit<MixedOptions, 'query' | 'env'> {
  /** `rpc`: to whoever sent the task. `redis`: beside RabbitMQ, as chords need it. */
  readonly results: 'rpc' | 'redis'
  /**
   * What the Python worker holds at a time, Celery's default if absent. With 1 nothing gets out of the order of
   * priorities, but now and then a worker of Celery 5.2 sleeps for seconds before it takes the next one.
   */
  readonly prefetch?: number
}

/** What stands when a test of the file begins. */
export interface AmqpMixed extends Omit<Mixed, 'server'> {
  readonly server: RabbitServer
  /** Another client of Python's, which ends with the file. */
  pythonClient(env?: NodeJS.ProcessEnv): Mixed['python']
}

type Open = { -readonly [Key in keyof AmqpMixed]: AmqpMixed[Key] }

/** Calls `before` and `after`: for the top of a test file. What it gives stands from the first test on. */
export function amqpCluster(options: AmqpMixedOptions): AmqpMixed {
  const mixed = {} as Open
  const releases: (() => unknown)[] = []
  mixed.scope = { after: (release) => void releases.push(release) }
  if (skipAmqp !== false) return mixed
  before(() => start(mixed, options), { timeout: 60_000 })
  after(async () => {
    for (const release of releases.reverse()) await release()
  })
  return mixed
}

async function start(mixed: Open, { results, prefetch, python = {}, carom = {} }: AmqpMixedOptions): Promise<void> {
  const { scope } = mixed
  const folder = mkdtempSync(join(tmpdir(), 'carom-mixed-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  process.env.MIXED_LEDGER = join(folder, 'ledger')
  const [server, backend] = await Promise.all([startOwned(scope, startRabbit), resultsAt(mixed, results)])
  mixed.server = server
  mixed.url = server.url()
  process.env.CAROM_BROKER_URL = `${mixed.url}?maxPriority=${MAX_PRIORITY}`
  process.env.CAROM_RESULT_BACKEND = backend
  process.env.MIXED_CONFIG = JSON.stringify({
    result_backend: backend,
    task_queue_max_priority: MAX_PRIORITY,
    ...(prefetch !== undefined && { worker_prefetch_multiplier: prefetch }),
  })
  mixed.pythonClient = (env) => startPythonClient(scope, mixed.url, 'mixed.py', env)
  mixed.python = mixed.pythonClient()
  const [own] = await Promise.all([
    import('./fixtures/mixed.ts'),
    python === null ? null : startPython(mixed, python),
    carom === null ? null : startCarom(mixed, carom),
  ])
  mixed.carom = own
  scope.after(() => own.app.close())
}

async function resultsAt({ scope }: Open, results: 'rpc' | 'redis'): Promise<string> {
  return results === 'rpc' ? 'rpc://' : (await startOwned(scope, startRedis)).url()
}

async function startOwned<T extends { remove(): unknown }>(scope: Mixed['scope'], begin: () => Promise<T>): Promise<T> {
  const server = await begin()
  scope.after(() => server.remove())
  return server
}

async function startPython(mixed: Open, options: NonNullable<MixedOptions['python']>): Promise<void> {
  mixed.pythonWorker = await startPythonWorker(mixed.scope, mixed.url, { app: 'mixed', queues: ['py'], ...options })
}

async function startCarom(mixed: Open, options: NonNullable<MixedOptions['carom']>): Promise<void> {
  const worker = await startWorker({ app: APP, concurrency: 1, node: 'ts@here', queues: ['ts'], ...options })
  mixed.caromWorker = worker
  mixed.scope.after(() => worker.stop('now'))
}

const MAX_PRIORITY = 10
