/** Which store a URL means. A URL's text never gets into a message: it may hold a password. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CaromError } from '../errors.ts'
import { type AmqpAddress, isAmqpScheme, parseAmqpUrl } from './amqp/address.ts'
import { parseRedisUrl, REDIS_SCHEMES, type RedisAddress } from './redis/address.ts'

/** `machine`: what is confirmed survives a power cut. `process`: it survives the death of any process. */
export type Durability = 'machine' | 'process'

export type StoreAddress =
  | { readonly type: 'memory'; readonly name: string; readonly resultExpiresMs: number }
  | {
      readonly type: 'embedded'
      readonly path: string
      readonly durability: Durability
      readonly resultExpiresMs: number
    }
  | RedisAddress
  | AmqpAddress
  /** Results as messages, on the broker's own server. */
  | { readonly type: 'rpc' }

export interface OpenOptions {
  /** Names the embedded store's file where the URL gives no path. */
  readonly appName: string
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** How long a result is kept; 0 is for ever. @default what a URL of Redis says, else 86400000, Celery's: one day */
  readonly resultExpiresMs?: number | undefined
  /** Where relative paths and the search for `package.json` start. @default process.cwd() */
  readonly cwd?: string | undefined
}

/**
 * `memory:[name]`, `embedded:[path][?durability=process]`, `amqp[s]://...` (see `amqp/address.ts`) or, for results,
 * `rpc://`, on the broker's server. Nothing at all is the embedded store, except with
 * `NODE_ENV=production`. The path is taken as it is written, up to the first `?`.
 *
 * @throws CaromError `CAROM_EMBEDDED_REFUSED`, `CAROM_URL_UNSUPPORTED`
 */
export function parseStoreUrl(url: string | undefined, options: OpenOptions): StoreAddress {
  const { cwd = process.cwd(), resultExpiresMs = RESULT_EXPIRES_MS } = options
  if (url === undefined || url.trim() === '') {
    if ((options.env ?? process.env).NODE_ENV === 'production') throw refused()
    return { type: 'embedded', path: embeddedPath(options.appName, cwd), durability: 'machine', resultExpiresMs }
  }
  const colon = url.indexOf(':')
  const scheme = colon === -1 ? '' : url.slice(0, colon).trim().toLowerCase()
  const query = url.indexOf('?', colon)
  const target = url.slice(colon + 1, query === -1 ? undefined : query)
  const parameters = new URLSearchParams(query === -1 ? '' : url.slice(query))
  if (scheme === 'memory') {
    checkParameters(scheme, parameters, [])
    return { type: 'memory', name: target, resultExpiresMs }
  }
  if (scheme === 'embedded') {
    checkParameters(scheme, parameters, ['durability'])
    const path = target === '' ? embeddedPath(options.appName, cwd) : resolve(cwd, target)
    return { type: 'embedded', path, durability: durabilityOf(parameters.get('durability')), resultExpiresMs }
  }
  if (REDIS_SCHEMES.includes(scheme)) return parseRedisUrl(url.trim(), options.resultExpiresMs)
  if (isAmqpScheme(scheme)) return parseAmqpUrl(url)
  if (scheme === 'rpc') {
    checkParameters(scheme, parameters, [])
    return { type: 'rpc' }
  }
  throw unsupported(scheme)
}

/** Where the embedded store of an app lies: `.carom/<app>.sqlite` beside the nearest `package.json`, else in `cwd`. */
export function embeddedPath(appName: string, cwd: string = process.cwd()): string {
  return join(projectFolder(resolve(cwd)), '.carom', `${fileName(appName)}.sqlite`)
}

function projectFolder(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (dirname(folder) === folder) return cwd
  }
}

/** Names that differ stay different: one that had to be changed gets a part of its hash. */
function fileName(appName: string): string {
  const safe = appName
    .replaceAll(/[^\w.-]/g, '-')
    .replace(/^\.+/, '')
    .slice(0, MAX_NAME_LENGTH)
  if (safe === appName && safe !== '') return safe
  return `${safe === '' ? 'app' : safe}-${createHash('sha256').update(appName).digest('hex').slice(0, 8)}`
}

const MAX_NAME_LENGTH = 100
const RESULT_EXPIRES_MS = 24 * 3600 * 1000

function durabilityOf(value: string | null): Durability {
  if (value === null || value === 'machine') return 'machine'
  if (value === 'process') return 'process'
  throw new CaromError(
    'CAROM_URL_UNSUPPORTED',
    'Cannot use the URL of the embedded store: its durability is neither "machine" (the default) nor "process"',
  )
}

function checkParameters(scheme: string, parameters: URLSearchParams, known: readonly string[]): void {
  if ([...parameters.keys()].every((key) => known.includes(key))) return
  const rule = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`
  throw new CaromError('CAROM_URL_UNSUPPORTED', `Cannot use a URL "${scheme}:" with an unknown parameter: ${rule}`)
}

function unsupported(scheme: string): CaromError {
  // Only a scheme that we know to be one: what stands before a colon may also be a user name.
  const named = FOREIGN_SCHEMES.has(scheme) ? `a URL "${scheme}:"` : 'this URL'
  return new CaromError(
    'CAROM_URL_UNSUPPORTED',
    `Cannot open a store for ${named}: there are "redis://host:6379/0" (and rediss, redis+socket, sentinel), ` +
      '"amqp://user:password@host:5672/vhost" (and amqps), "embedded:[path][?durability=process]" and "memory:[name]"',
  )
}

const FOREIGN_SCHEMES = new Set(['sqs', 'http', 'https', 'file'])

function refused(): CaromError {
  return new CaromError(
    'CAROM_EMBEDDED_REFUSED',
    'No broker is named and NODE_ENV is "production": set CAROM_BROKER_URL to a broker that your machines share, ' +
      'or to "embedded:" if this one machine is all there is',
  )
}
