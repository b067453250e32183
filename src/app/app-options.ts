import { checkFlag, checkInteger, checkKeys, checkQueue, outOfRange, wrongType } from '../canvas/rules.ts'
import type { AppInternals } from './internals.ts'
import { type ContentOptions, checkContentOptions, createWireFormat } from './wire-format.ts'

/** Where an app's messages and results live, and what they are written in. */
export interface CaromOptions extends ContentOptions {
  /** The broker's URL. @default the environment's `CAROM_BROKER_URL`, else the embedded store */
  readonly broker?: string | undefined
  /** The result backend's URL. @default the environment's `CAROM_RESULT_BACKEND`, else the store of the broker */
  readonly resultBackend?: string | undefined
  /** The queue of tasks that name none. @default the app's name */
  readonly queue?: string | undefined
  /**
   * How long workers and backends keep a result, and what is saved of a group; 0 is for ever. In the embedded store every
   * worker removes what is older than its own app says. At most 315360000000 (ten years). @default what a URL
   * of Redis says, else 86400000 (one day)
   */
  readonly resultExpiresMs?: number | undefined
  /**
   * Has workers store with each result what its call was: name, arguments, worker, retries and queue; `meta().call` shows
   * it, and so does Python. Arguments may be secrets, and take room. @default false
   */
  readonly resultExtended?: boolean | undefined
  /** The most that the arguments of one call may take, encoded and not compressed; at most 67108864 (64 MiB). @default 16777216 (16 MiB) */
  readonly maxBodyBytes?: number | undefined
}

/** @throws TypeError, RangeError for what is unknown, of a wrong type, or out of range. */
export function checkAppOptions(name: unknown, options: CaromOptions): void {
  if (typeof name !== 'string') throw wrongType(name, 'the name of an app', APP_NAME_RULE)
  if (!APP_NAME.test(name)) throw outOfRange(name, 'the name of an app', APP_NAME_RULE)
  const owner = `of app "${name}"`
  checkKeys(options, KEYS, `option ${owner}`)
  const { broker, resultBackend, queue, resultExpiresMs, resultExtended, maxBodyBytes } = options
  if (broker !== undefined) checkUrl(broker, `broker ${owner}`)
  if (resultBackend !== undefined) checkUrl(resultBackend, `resultBackend ${owner}`)
  if (queue !== undefined) checkQueue(queue, `queue ${owner}`)
  if (resultExpiresMs !== undefined) checkInteger(resultExpiresMs, `resultExpiresMs ${owner}`, 0, TEN_YEARS_MS)
  if (resultExtended !== undefined) checkFlag(resultExtended, `resultExtended ${owner}`)
  if (maxBodyBytes !== undefined) checkInteger(maxBodyBytes, `maxBodyBytes ${owner}`, 1, MOST_BODY_BYTES)
  checkContentOptions(options, owner)
}

function checkUrl(url: unknown, what: string): void {
  if (typeof url !== 'string' || url === '') throw wrongType(url, what, 'a URL such as "embedded:"')
}

export function createInternals(
  name: string,
  options: CaromOptions,
  { local, remote }: Readonly<Record<'local' | 'remote', AppInternals['tasks']>>,
  childInits: AppInternals['childInits'],
): AppInternals {
  const { broker, resultBackend, queue, resultExpiresMs, maxBodyBytes = DEFAULT_MAX_BODY_BYTES } = options
  return {
    name,
    format: createWireFormat(name, options, maxBodyBytes),
    tasks: local,
    remoteTasks: remote,
    childInits,
    defaultQueue: queue ?? name,
    resultExpiresMs,
    resultExtended: options.resultExtended === true,
    get brokerUrl() {
      return broker ?? environment('CAROM_BROKER_URL')
    },
    get resultBackendUrl() {
      return resultBackend ?? environment('CAROM_RESULT_BACKEND') ?? this.brokerUrl
    },
  }
}

// An empty variable is one that somebody unset in the only way their tool has.
function environment(variable: string): string | undefined {
  return process.env[variable] || undefined
}

const KEYS = [
  'broker',
  'resultBackend',
  'queue',
  'resultExpiresMs',
  'resultExtended',
  'maxBodyBytes',
  'serializer',
  'compression',
  'acceptContent',
  'security',
]
export const DEFAULT_MAX_BODY_BYTES = 16 * 1024 * 1024

// The name is also a file's name, so no separators and no leading dot.
const APP_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const APP_NAME_RULE = '1 to 64 letters, digits, dots, dashes and underscores, a letter or a digit first'
// Readers refuse a larger body.
const MOST_BODY_BYTES = 64 * 1024 * 1024
const TEN_YEARS_MS = 3650 * 24 * 3600 * 1000
