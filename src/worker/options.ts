/** What a worker can be told, its defaults, and the check of what it was told. */
import type { StartMethod } from '../pool/index.ts'
import { usableCpus } from '../support/cpus.ts'
import type { Logger } from './log.ts'
import { silent } from './log.ts'

/** What `startWorker` takes. Durations are in milliseconds. */
export interface WorkerOptions {
  /** The module that creates the app: a path from the working folder or a `file:` URL. Only children load it. */
  readonly app: string | URL
  /** Children, each a process of its own. @default the number of CPUs this process may use */
  readonly concurrency?: number
  /** Tasks a child runs at once; more than 1 suits tasks that wait for I/O. @default 1 */
  readonly concurrencyPerChild?: number
  /** Queues to consume. @default the app's default queue and every queue its tasks name */
  readonly queues?: readonly string[]
  /** The worker's name, one per worker. @default `APP@HOST-PID` */
  readonly node?: string
  /** How long a claim lasts without renewal, should this worker die where its death cannot be seen. @default 30000 */
  readonly leaseMs?: number
  /** What a cold stop leaves running tasks between the abort of their signal and the kill. @default 5000 */
  readonly coldGraceMs?: number
  /** How long a child may take to load the app. @default 60000 */
  readonly startTimeoutMs?: number
  /**
   * How children are started: see `startMethod` of a pool. With `fork` and `auto` the app is loaded before they are
   * forked, and `preload` before it. @default 'spawn'
   */
  readonly startMethod?: StartMethod
  /** Modules to load before the children are forked, besides the app: `file:` URLs, or paths. @default [] */
  readonly preload?: readonly (URL | string)[]
  /** Tasks after which a child is replaced by a fresh one. @default no limit */
  readonly maxTasksPerChild?: number
  /** Private memory that a child may gain before it is replaced after its task. @default no limit */
  readonly maxMemoryPerChildBytes?: number
  /** The same, before the child is killed: its task fails with `MemoryLimitExceeded`. @default no limit */
  readonly memoryLimitBytes?: number
  /** How long a task may run before its child is killed: it fails with `TimeLimitExceeded`. @default no limit */
  readonly timeLimitMs?: number
  /** How long before its signal is aborted with `SoftTimeLimitExceeded`. @default no limit */
  readonly softTimeLimitMs?: number
  /** Flags for the children's Node. @default this process's own, but for those that only one process can have */
  readonly execArgv?: readonly string[]
  /** Stop on SIGTERM and SIGINT: the first warm, the second cold, the third at once. @default false */
  readonly signals?: boolean
  /** Where the worker tells what it does. @default nowhere */
  readonly log?: Logger
}

/** What is the pool's own, and is checked by it. */
export type ChildOptions = Pick<WorkerOptions, (typeof CHILD_OPTIONS)[number]>
const CHILD_OPTIONS = [
  'startMethod',
  'preload',
  'maxTasksPerChild',
  'maxMemoryPerChildBytes',
  'memoryLimitBytes',
  'timeLimitMs',
  'softTimeLimitMs',
] as const

export interface FilledWorkerOptions
  extends Required<Omit<WorkerOptions, 'queues' | 'node' | 'execArgv' | (typeof CHILD_OPTIONS)[number]>> {
  readonly queues: readonly string[] | null
  readonly node: string | null
  readonly execArgv: readonly string[] | null
  readonly children: ChildOptions
}

/** @throws TypeError, RangeError for an option that is unknown or out of range. */
export function fillWorkerOptions(options: WorkerOptions): FilledWorkerOptions {
  const { app } = (options ?? {}) as Partial<WorkerOptions>
  if (!(app instanceof URL) && typeof app !== 'string') {
    throw new TypeError("A worker needs the module of its app: { app: new URL('./tasks.js', import.meta.url) }")
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.has(key)) throw new TypeError(`Unknown worker option "${key}"; known are: ${[...KNOWN].join(', ')}`)
  }
  return {
    app,
    concurrency: integer('concurrency', options.concurrency ?? usableCpus(), 1, 4096),
    concurrencyPerChild: integer('concurrencyPerChild', options.concurrencyPerChild ?? 1, 1, 100_000),
    queues: queueNames(options.queues),
    node: options.node ?? null,
    leaseMs: integer('leaseMs', options.leaseMs ?? 30_000, 100, 86_400_000),
    coldGraceMs: integer('coldGraceMs', options.coldGraceMs ?? 5_000, 0, 86_400_000),
    startTimeoutMs: integer('startTimeoutMs', options.startTimeoutMs ?? 60_000, 1, 86_400_000),
    execArgv: options.execArgv ?? null,
    children: Object.fromEntries(CHILD_OPTIONS.flatMap((key) => (key in options ? [[key, options[key]]] : []))),
    signals: options.signals ?? false,
    log: options.log ?? silent,
  }
}

const KNOWN: ReadonlySet<string> = new Set<keyof WorkerOptions>([
  'app',
  'concurrency',
  'concurrencyPerChild',
  'queues',
  'node',
  'leaseMs',
  'coldGraceMs',
  'startTimeoutMs',
  'execArgv',
  'signals',
  'log',
  ...CHILD_OPTIONS,
])

function queueNames(queues: readonly string[] | undefined): readonly string[] | null {
  if (queues === undefined) return null
  if (queues.length > 0 && queues.every((queue) => typeof queue === 'string' && queue !== ''))
    return [...new Set(queues)]
  throw new TypeError(
    `Cannot consume the queues ${JSON.stringify(queues)}: expected at least one name, none of them empty`,
  )
}

function integer(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new RangeError(`Cannot set ${name} to ${value}: expected an integer from ${least} to ${most}`)
}
