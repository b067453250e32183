/**
 * A laboratory for one test file: one Redis, a Python client, and the workers that the file asks for. They are started
 * once, and end with the file.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startWorker, type Worker, type WorkerOptions } from '../../src/worker/index.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
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
export const GET = { timeoutMs: 10_000 }

export interface MixedOptions {
  /** Of the Python worker, on the queue "py"; `null` for none. */
  readonly python?: PythonWorkerOptions | null
  /** Of the Carom worker, on the queue "ts"; `null` for none. */
  readonly carom?: Partial<WorkerOptions> | null
  /** Of the Python client. */
  readonly env?: NodeJS.ProcessEnv
  /** Parameters of Carom's URL, as in '?visibilityTimeoutMs=1000'. */
  readonly query?: string
  /** Those of its URL of results, in the same database. @default the broker's */
  readonly resultsQuery?: string
}

/** What stands when a test of the file begins. */
export interface Mixed {
  readonly server: RedisServer
  /** For Python: without parameters, of which it knows others. */
  readonly url: string
  readonly python: PythonClient
  readonly pythonWorker: PythonWorker
  readonly caromWorker: Worker
  /** The app and its tasks, as a client in this process. */
  readonly carom: typeof import('./fixtures/mixed.ts')
  /** Released when the file ends. */
  readonly scope: Scope
}

/** Calls `before` and `after`: for the top of a test file. What it gives stands from the first test on. */
export function mixedCluster(options: MixedOptions = {}): Mixed {
  const mixed = {} as { -readonly [Key in keyof Mixed]: Mixed[Key] }
  const releases: (() => unknown)[] = []
  mixed.scope = { after: (release) => void releases.push(release) }
  if (skip !== false) return mixed
  before(() => start(mixed, options))
  after(async () => {
    for (const release of releases.reverse()) await release()
  })
  return mixed
}

async function start(mixed: { -readonly [Key in keyof Mixed]: Mixed[Key] }, options: MixedOptions): Promise<void> {
  const { scope } = mixed
  const folder = mkdtempSync(join(tmpdir(), 'carom-mixed-'))
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  process.env.MIXED_LEDGER = join(folder, 'ledger')
  mixed.server = await startRedis()
  scope.after(() => mixed.server.remove())
  mixed.url = mixed.server.url()
  process.env.CAROM_BROKER_URL = mixed.server.url(0, options.query)
  if (options.resultsQuery !== undefined) process.env.CAROM_RESULT_BACKEND = mixed.server.url(0, options.resultsQuery)
  mixed.python = startPythonClient(scope, mixed.url, 'mixed.py', options.env)
  const [carom] = await Promise.all([
    import('./fixtures/mixed.ts'),
    startPython(mixed, options),
    startCarom(mixed, options),
  ])
  mixed.carom = carom
  scope.after(() => carom.app.close())
}

async function startPython(
  mixed: { pythonWorker: PythonWorker } & Mixed,
  { python = {} }: MixedOptions,
): Promise<void> {
  if (python === null) return
  mixed.pythonWorker = await startPythonWorker(mixed.scope, mixed.url, { app: 'mixed', queues: ['py'], ...python })
}

async function startCarom(mixed: { caromWorker: Worker } & Mixed, { carom = {} }: MixedOptions): Promise<void> {
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
