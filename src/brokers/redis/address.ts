/** Which Redis a URL means, in kombu's forms. A URL's text never gets into a message: it may hold a password. */
import { CaromError } from '../../errors.ts'
import { DEFAULT_EXPIRES_MS, parseOptions, type RedisOptions } from './address-options.ts'

export interface RedisHost {
  readonly host: string
  readonly port: number
}

/** One way to reach the server; with several, the next one is tried when one fails. */
export type RedisEndpoint =
  | (RedisHost & { readonly type: 'tcp'; readonly tls: boolean })
  | { readonly type: 'socket'; readonly path: string }
  | { readonly type: 'sentinel'; readonly sentinels: readonly RedisHost[]; readonly masterName: string }

export interface RedisAddress {
  readonly type: 'redis'
  readonly endpoints: readonly [RedisEndpoint, ...RedisEndpoint[]]
  readonly db: number
  readonly username: string | null
  readonly password: string | null
  readonly options: RedisOptions
  /** For people: hosts, ports and database, without user and password. */
  readonly name: string
}

export const REDIS_SCHEMES: readonly string[] = ['redis', 'rediss', 'redis+socket', 'socket', 'sentinel']

/**
 * `redis://[user:password@]host[:port][/db]`, `rediss://` (TLS), `redis+socket:///path?virtual_host=db`, `socket://`,
 * `sentinel://[:password@]host[:port][/db];sentinel://host?masterName=NAME`, where the password is the master's and
 * that of the sentinels is the parameter `sentinelPassword`, as kombu has it in `sentinel_kwargs`. Several URLs with `;` between them are
 * ways to one server, tried in that order. Parameters may stand at each, and count for all.
 *
 * @param resultExpiresMs goes before what the URL says.
 *
 * @throws CaromError `CAROM_URL_UNSUPPORTED`
 */
export function parseRedisUrl(url: string, resultExpiresMs?: number): RedisAddress {
  const parts = url.split(';').map((part) => parsePart(part.trim()))
  const [first] = parts as [Part]
  const schemes = new Set(parts.map(({ scheme }) => (scheme === 'sentinel' ? 'sentinel' : 'server')))
  if (schemes.size > 1) throw refusal('a sentinel stands beside a server: name either sentinels or servers')
  for (const key of ['db', 'username', 'password'] as const) {
    const said = new Set(parts.map((part) => part[key]).filter((value) => value !== null))
    if (said.size > 1) throw refusal(`its parts name more than one ${key === 'db' ? 'database' : key}`)
  }
  const said = parseOptions(parts.flatMap(({ parameters }) => [...parameters]))
  const options = { ...said, resultExpiresMs: resultExpiresMs ?? said.resultExpiresMs }
  const endpoints = schemes.has('sentinel') ? [sentinelOf(parts, options.masterName)] : parts.map(endpointOf)
  const db = parts.find((part) => part.db !== null)?.db ?? 0
  return {
    type: 'redis',
    endpoints: endpoints as [RedisEndpoint, ...RedisEndpoint[]],
    db,
    username: parts.find(({ username }) => username !== null)?.username ?? null,
    password: parts.find(({ password }) => password !== null)?.password ?? null,
    options,
    name: nameOf(first.scheme, endpoints, db, options),
  }
}

interface Part {
  readonly scheme: string
  readonly host: RedisHost | null
  readonly path: string
  readonly db: number | null
  readonly username: string | null
  readonly password: string | null
  readonly parameters: URLSearchParams
}

function parsePart(text: string): Part {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw refusal('a part of it is no URL; in a password, "@", ":", "/", "?", "#" and ";" are written as %40, %3A, ...')
  }
  const scheme = url.protocol.slice(0, -1)
  if (!REDIS_SCHEMES.includes(scheme)) throw refusal('its parts are of different kinds of stores')
  const credentials = { username: decoded(url.username), password: decoded(url.password) }
  const parameters = url.searchParams
  if (url.hash !== '') throw refusal('it has a "#", which is written as %23')
  if (!scheme.endsWith('socket')) {
    const host = { host: url.hostname === '' ? 'localhost' : bare(url.hostname), port: portOf(scheme, url.port) }
    return { scheme, host, path: '', db: dbOf(url.pathname.replace(/^\//, '')), ...credentials, parameters }
  }
  if (url.hostname !== '') throw refusal('the path of a socket begins with a third slash')
  const path = decoded(url.pathname)
  if (path === null || path === '/') throw refusal('it names no path of a socket')
  const db = dbOf((parameters.get('virtual_host') ?? '').replace(/^\//, ''))
  parameters.delete('virtual_host')
  return { scheme, host: null, path, db, ...credentials, parameters }
}

function endpointOf({ scheme, host, path }: Part): RedisEndpoint {
  return host === null ? { type: 'socket', path } : { type: 'tcp', ...host, tls: scheme === 'rediss' }
}

function sentinelOf(parts: readonly Part[], masterName: string | null): RedisEndpoint {
  if (masterName === null) throw refusal('it names sentinels, but not what to ask them for: add ?masterName=NAME')
  const sentinels = parts.flatMap(({ host }) => (host === null ? [] : [host]))
  return { type: 'sentinel', sentinels, masterName }
}

function nameOf(scheme: string, endpoints: readonly RedisEndpoint[], db: number, options: RedisOptions): string {
  const places = endpoints.flatMap((endpoint) => {
    if (endpoint.type === 'socket') return [endpoint.path]
    return (endpoint.type === 'tcp' ? [endpoint] : endpoint.sentinels).map(hostText)
  })
  // What makes two URLs of one server two stores.
  const marks = [
    options.masterName === null ? '' : `master ${options.masterName}`,
    options.globalKeyprefix === '' ? '' : `prefix ${JSON.stringify(options.globalKeyprefix)}`,
    options.resultExpiresMs === DEFAULT_EXPIRES_MS ? '' : `results for ${options.resultExpiresMs} ms`,
  ].filter((mark) => mark !== '')
  const place = `${scheme}://${places.join(',')}${scheme.endsWith('socket') ? '#' : '/'}${db}`
  return marks.length === 0 ? place : `${place} (${marks.join(', ')})`
}

function hostText({ host, port }: RedisHost): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function portOf(scheme: string, port: string): number {
  if (port !== '') return Number(port)
  return scheme === 'sentinel' ? 26_379 : 6_379
}

function dbOf(text: string): number | null {
  if (text === '') return null
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw refusal('its database is no number: a path like /0 names it')
}

/** `null` for nothing. */
function decoded(text: string): string | null {
  try {
    return text === '' ? null : decodeURIComponent(text)
  } catch {
    throw refusal('its user, password or path holds a "%" that does not escape anything: write %25')
  }
}

/** An IPv6 address without its brackets. */
function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function refusal(why: string): CaromError {
  return new CaromError('CAROM_URL_UNSUPPORTED', `Cannot use a URL of Redis: ${why}`)
}
