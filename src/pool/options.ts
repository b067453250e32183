/** What a pool can be told, its defaults, and the check of what it was told. */
import { pathToFileURL } from 'node:url'
import { usableCpus } from '../support/cpus.ts'
import { EXECUTORS, type ExecutorName } from './capabilities.ts'
import { checkLimits, type JobLimits } from './job-options.ts'
import { integer, MAX_TIMER_MS, optionalInteger } from './numbers.ts'
import { refuseUnable } from './refusals.ts'

/** How a pool's processes come to be. */
export type StartMethod = 'auto' | 'fork' | 'spawn'
const START_METHODS = ['auto', 'fork', 'spawn'] as const satisfies readonly StartMethod[]

/** What `new Pool` takes. Durations are in milliseconds, sizes in bytes. */
export interface PoolOptions {
  /** The module whose exports are the pool's functions: a `file:` URL, or a path resolved from the working folder. */
  readonly module: URL | string
  /** Children, each a process or a thread. @default the number of CPUs this process may use; 1 for `inline` */
  readonly processes?: number
  /** Jobs a child runs at once; more than 1 suits functions that wait for I/O. @default 1 */
  readonly concurrencyPerChild?: number
  /** Export of the module that every child calls once, and awaits, before its first job. @default none */
  readonly initializer?: string
  /** Arguments of the initializer. @default [] */
  readonly initArgs?: readonly unknown[]
  /**
   * What a child is: a process; with `threads` a thread of this process (shared memory, no isolation); with `inline`
   * this process itself, in which the functions run. What an executor cannot keep it refuses with
   * `CAROM_EXECUTOR_UNABLE`; `docs/reference/executors.md` has the table. @default 'prefork'
   */
  readonly executor?: ExecutorName
  /**
   * How processes are started. `spawn`: each as a program of its own. `fork` (Linux): from one process in which
   * `preload` was loaded, in milliseconds, sharing its memory until they write to it. `auto`: `fork` where it is found to
   * work, else `spawn`, with one warning that says why. @default 'spawn'
   */
  readonly startMethod?: StartMethod
  /**
   * Modules that are loaded before the children are forked: `file:` URLs, or paths resolved from the working folder.
   * They must not start threads, and what they leave running every child inherits. Not used by `spawn`. @default []
   */
  readonly preload?: readonly (URL | string)[]
  /** Children beyond `processes` that are kept ready, so that one that dies is made up for at once. @default 0 */
  readonly spareChildren?: number
  /** Jobs after which a child is replaced by a fresh one, started ahead; a map's chunk is one job. @default no limit */
  readonly maxTasksPerChild?: number
  /** Private memory that a child may gain, since it was ready, before it is replaced after its job. @default no limit */
  readonly maxMemoryPerChildBytes?: number
  /** The same, before the child is killed in the middle of its job (`MemoryLimitExceeded`). @default no limit */
  readonly memoryLimitBytes?: number
  /** How long a job may run before its child is killed (`TimeLimitExceeded`). @default no limit */
  readonly timeLimitMs?: number
  /**
   * How long a job may run before its signal is aborted with `SoftTimeLimitExceeded`, which `checkDeadline()` throws
   * too. @default no limit
   */
  readonly softTimeLimitMs?: number
  /**
   * A job over its soft time limit is stopped in the middle, also in a loop that never waits and never calls
   * `checkDeadline()`: no `catch` and no `finally` of it runs, and its child is replaced. Reaches what runs before the
   * first `await`. Only with `concurrencyPerChild` 1; every call with a soft limit becomes slower.
   * @default false
   */
  readonly interruptOnSoftLimit?: boolean
  /**
   * How long a child with a free place may take to begin a job before it is killed and the job goes to another: it was
   * stopped from outside, or a job keeps its event loop busy. @default 30000
   */
  readonly acceptTimeoutMs?: number
  /**
   * With `concurrencyPerChild` above 1 a job that is killed takes its neighbours with it: true runs those again (but no
   * stream that has given a value), false fails them with `CAROM_CHILD_LOST`. @default false
   */
  readonly redeliverNeighbours?: boolean
  /** How long a child may take from its start until its initializer has ended. @default 60000 */
  readonly startTimeoutMs?: number
  /** How long a child may take to exit when it is told to stop, before it is killed. @default 5000 */
  readonly stopTimeoutMs?: number
  /** Most bytes of one call's arguments or result. @default 64 MiB */
  readonly maxPayloadBytes?: number
  /**
   * Flags for the children's Node, such as `--max-old-space-size=512`. A thread takes only those that are not for the
   * whole process. @default this process's own, without those that say what to run or that only one process can have (`--inspect`)
   */
  readonly execArgv?: readonly string[]
  /** The children's environment. @default this process's own */
  readonly env?: NodeJS.ProcessEnv
  /** Answers what code in a child asks through its channel. @default every question is refused */
  readonly answer?: (name: string, value: unknown) => Promise<unknown>
}

export interface FilledPoolOptions {
  readonly moduleUrl: string
  readonly executor: ExecutorName
  readonly startMethod: StartMethod
  /** URLs. */
  readonly preload: readonly string[]
  readonly processes: number
  readonly concurrencyPerChild: number
  readonly initializer: string | null
  readonly initArgs: readonly unknown[]
  readonly spareChildren: number
  readonly maxTasksPerChild: number
  /** 0 for none. */
  readonly maxMemoryPerChildBytes: number
  readonly limits: JobLimits
  readonly acceptTimeoutMs: number
  readonly redeliverNeighbours: boolean
  readonly interruptOnSoftLimit: boolean
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly maxPayloadBytes: number
  /** `null` where the children have this process's own by themselves. */
  readonly execArgv: readonly string[] | null
  readonly env: NodeJS.ProcessEnv
  readonly answer: ((name: string, value: unknown) => Promise<unknown>) | null
}

/**
 * @throws TypeError, RangeError for an option that is unknown or out of range; CaromError `CAROM_EXECUTOR_UNABLE` for
 * one that the executor cannot keep.
 */
export function fillPoolOptions(options: PoolOptions): FilledPoolOptions {
  if (typeof options !== 'object' || options === null) throw noModule(options)
  for (const key of Object.keys(options)) {
    if (!KNOWN.has(key)) throw new TypeError(`Unknown pool option "${key}"; known are: ${[...KNOWN].join(', ')}`)
  }
  const executor = oneOf('executor', options.executor ?? 'prefork', EXECUTORS)
  const defaultProcesses = executor === 'inline' ? 1 : usableCpus()
  const filled = {
    moduleUrl: moduleUrl(options.module),
    processes: integer('processes', options.processes ?? defaultProcesses, 1, 4096),
    concurrencyPerChild: integer('concurrencyPerChild', options.concurrencyPerChild ?? 1, 1, 100_000),
    initializer: options.initializer ?? null,
    initArgs: options.initArgs ?? [],
    startMethod: oneOf('startMethod', options.startMethod ?? 'spawn', START_METHODS),
    preload: (options.preload ?? []).map(moduleUrl),
    executor,
    spareChildren: integer('spareChildren', options.spareChildren ?? 0, 0, 4096),
    maxTasksPerChild:
      optionalInteger('maxTasksPerChild', options.maxTasksPerChild, 1, MAX_SIZE) ?? Number.POSITIVE_INFINITY,
    maxMemoryPerChildBytes: optionalInteger('maxMemoryPerChildBytes', options.maxMemoryPerChildBytes, 1, MAX_SIZE) ?? 0,
    limits: poolLimits(options),
    acceptTimeoutMs: integer('acceptTimeoutMs', options.acceptTimeoutMs ?? 30_000, 1, MAX_TIMER_MS),
    redeliverNeighbours: options.redeliverNeighbours ?? false,
    interruptOnSoftLimit: interrupts(options),
    startTimeoutMs: integer('startTimeoutMs', options.startTimeoutMs ?? 60_000, 1, MAX_TIMER_MS),
    stopTimeoutMs: integer('stopTimeoutMs', options.stopTimeoutMs ?? 5_000, 0, MAX_TIMER_MS),
    maxPayloadBytes: integer('maxPayloadBytes', options.maxPayloadBytes ?? 64 * 1024 * 1024, 1024, 0xffff_ffff),
    execArgv: options.execArgv ?? (executor === 'prefork' ? inheritedFlags(process.execArgv) : null),
    env: options.env ?? process.env,
    answer: options.answer ?? null,
  }
  refuseUnable(executor, options)
  return filled
}

const KNOWN: ReadonlySet<string> = new Set<keyof PoolOptions>([
  'module',
  'processes',
  'concurrencyPerChild',
  'initializer',
  'initArgs',
  'executor',
  'startMethod',
  'preload',
  'spareChildren',
  'maxTasksPerChild',
  'maxMemoryPerChildBytes',
  'memoryLimitBytes',
  'timeLimitMs',
  'softTimeLimitMs',
  'acceptTimeoutMs',
  'redeliverNeighbours',
  'interruptOnSoftLimit',
  'startTimeoutMs',
  'stopTimeoutMs',
  'maxPayloadBytes',
  'execArgv',
  'env',
  'answer',
])
const MAX_SIZE = Number.MAX_SAFE_INTEGER

function interrupts({ interruptOnSoftLimit = false, concurrencyPerChild = 1 }: PoolOptions): boolean {
  if (!interruptOnSoftLimit || concurrencyPerChild === 1) return interruptOnSoftLimit
  throw new RangeError(
    'Cannot set interruptOnSoftLimit with concurrencyPerChild above 1: it would stop any job of a child',
  )
}

function poolLimits(options: PoolOptions): JobLimits {
  const limits = {
    timeLimitMs: optionalInteger('timeLimitMs', options.timeLimitMs, 1, MAX_TIMER_MS) ?? 0,
    softTimeLimitMs: optionalInteger('softTimeLimitMs', options.softTimeLimitMs, 1, MAX_TIMER_MS) ?? 0,
    memoryLimitBytes: optionalInteger('memoryLimitBytes', options.memoryLimitBytes, 1, MAX_SIZE) ?? 0,
  }
  checkLimits(limits)
  return limits
}

function oneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  if (known.includes(value)) return value
  throw new RangeError(`Cannot set ${name} to ${JSON.stringify(value)}: expected ${known.join(' or ')}`)
}

/** With `--eval` a child would run the parent's script instead of its own file: a pool in it would never stop growing. */
function inheritedFlags(flags: readonly string[]): readonly string[] {
  // What does not look like a flag is the value of the one before it, and goes where that goes.
  return flags.filter((flag, at) => !NOT_INHERITED.test(flag.startsWith('-') ? flag : (flags[at - 1] ?? '')))
}

const NOT_INHERITED = /^(-[ecip]+|--(eval|print|check|interactive|input-type|watch|test|inspect|run)([-=].*)?)$/

function moduleUrl(module: unknown): string {
  if (module instanceof URL) return module.href
  if (typeof module === 'string' && module !== '') {
    return module.startsWith('file:') ? module : pathToFileURL(module).href
  }
  throw noModule(module)
}

function noModule(given: unknown): TypeError {
  const what = given === undefined ? 'None was given' : `${given === null ? 'null' : `A ${typeof given}`} is none`
  return new TypeError(
    `A pool runs the exports of a module: { module: new URL('./image.js', import.meta.url) }. ${what}`,
  )
}
