/** What a pool can be told, its defaults, and the check of what it was told. */
import { availableParallelism } from 'node:os'
import { pathToFileURL } from 'node:url'
import type { DeathCertificate } from './parent/certificate.ts'

/** What `new Pool` takes. Durations are in milliseconds, sizes in bytes. */
export interface PoolOptions {
  /** The module whose exports are the pool's functions: a `file:` URL, or a path resolved from the working folder. */
  readonly module: URL | string
  /** Children, each a process of its own. @default the number of CPUs this process may use */
  readonly processes?: number
  /** Jobs a child runs at once; more than 1 suits functions that wait for I/O. @default 1 */
  readonly concurrencyPerChild?: number
  /** Export of the module that every child calls once, and awaits, before its first job. @default none */
  readonly initializer?: string
  /** Arguments of the initializer. @default [] */
  readonly initArgs?: readonly unknown[]
  /** How long a child may take from its start until its initializer has ended. @default 60000 */
  readonly startTimeoutMs?: number
  /** How long a child may take to exit when it is told to stop, before it is killed. @default 5000 */
  readonly stopTimeoutMs?: number
  /** Most bytes of one call's arguments or result. @default 64 MiB */
  readonly maxPayloadBytes?: number
  /**
   * Flags for the children's Node, such as `--max-old-space-size=512`.
   * @default this process's own, without those that say what to run or that only one process can have (`--inspect`)
   */
  readonly execArgv?: readonly string[]
  /** The children's environment. @default this process's own */
  readonly env?: NodeJS.ProcessEnv
  /** Answers what code in a child asks through its channel. @default every question is refused */
  readonly answer?: (name: string, value: unknown) => Promise<unknown>
  /** Told of every child that is gone, however it went. @default nobody */
  readonly onChildDown?: (certificate: DeathCertificate) => void
}

export interface FilledPoolOptions {
  readonly moduleUrl: string
  readonly processes: number
  readonly concurrencyPerChild: number
  readonly initializer: string | null
  readonly initArgs: readonly unknown[]
  readonly startTimeoutMs: number
  readonly stopTimeoutMs: number
  readonly maxPayloadBytes: number
  readonly execArgv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly answer: ((name: string, value: unknown) => Promise<unknown>) | null
  readonly onChildDown: (certificate: DeathCertificate) => void
}

/** @throws TypeError, RangeError for an option that is unknown or out of range. */
export function fillPoolOptions(options: PoolOptions): FilledPoolOptions {
  for (const key of Object.keys(options)) {
    if (!KNOWN.has(key)) throw new TypeError(`Unknown pool option "${key}"; known are: ${[...KNOWN].join(', ')}`)
  }
  return {
    moduleUrl: moduleUrl(options.module),
    processes: integer('processes', options.processes ?? availableParallelism(), 1, 4096),
    concurrencyPerChild: integer('concurrencyPerChild', options.concurrencyPerChild ?? 1, 1, 100_000),
    initializer: options.initializer ?? null,
    initArgs: options.initArgs ?? [],
    startTimeoutMs: integer('startTimeoutMs', options.startTimeoutMs ?? 60_000, 1, MAX_TIMER_MS),
    stopTimeoutMs: integer('stopTimeoutMs', options.stopTimeoutMs ?? 5_000, 0, MAX_TIMER_MS),
    maxPayloadBytes: integer('maxPayloadBytes', options.maxPayloadBytes ?? 64 * 1024 * 1024, 1024, 0xffff_ffff),
    execArgv: options.execArgv ?? inheritedFlags(process.execArgv),
    env: options.env ?? process.env,
    answer: options.answer ?? null,
    onChildDown: options.onChildDown ?? (() => {}),
  }
}

const KNOWN: ReadonlySet<string> = new Set<keyof PoolOptions>([
  'module',
  'processes',
  'concurrencyPerChild',
  'initializer',
  'initArgs',
  'startTimeoutMs',
  'stopTimeoutMs',
  'maxPayloadBytes',
  'execArgv',
  'env',
  'answer',
  'onChildDown',
])
// setTimeout fires at once for anything larger.
const MAX_TIMER_MS = 2 ** 31 - 1

/** With `--eval` a child would run the parent's script instead of its own file: a pool in it would never stop growing. */
function inheritedFlags(flags: readonly string[]): readonly string[] {
  return flags.filter((flag, at) => {
    const before = flags[at - 1] ?? ''
    return !NOT_INHERITED.test(flag) && !(TAKES_VALUE.test(before) && !flag.startsWith('-'))
  })
}

const NOT_INHERITED = /^(-[ecip]+|--(eval|print|check|interactive|input-type|watch|test|inspect|run)([-=].*)?)$/
const TAKES_VALUE = /^(-[ep]+|--(eval|print|input-type|inspect-port|watch-path|run))$/

function moduleUrl(module: unknown): string {
  if (module instanceof URL) return module.href
  if (typeof module === 'string' && module !== '') {
    return module.startsWith('file:') ? module : pathToFileURL(module).href
  }
  throw new TypeError(
    `A pool runs the exports of a module: { module: new URL('./image.js', import.meta.url) }. A ${typeof module} is not one`,
  )
}

function integer(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new RangeError(`Cannot set ${name} to ${value}: expected an integer from ${least} to ${most}`)
}
