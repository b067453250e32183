/** What the parameters of a Redis URL say. Those of TLS have Celery's names, the others are Celery's in camelCase. */
import { CaromError } from '../../errors.ts'

export interface RedisOptions {
  /** Stands before every key and channel; before results with a `_` between, as Celery has it. @default '' */
  readonly globalKeyprefix: string
  /** How long after its delivery a message of a Python worker is given back. @default 3600000, kombu's */
  readonly visibilityTimeoutMs: number
  /** How long a result is kept; 0 is for ever. @default 86400000, Celery's */
  readonly resultExpiresMs: number
  /** What sentinels call the server. */
  readonly masterName: string | null
  /** What the sentinels themselves want; user and password of a URL are the server's, as with kombu. */
  readonly sentinelUsername: string | null
  readonly sentinelPassword: string | null
  /** How long a command or a connection may take. @default 10000 */
  readonly commandTimeoutMs: number
  readonly tls: TlsOptions
}

export interface TlsOptions {
  /** Whether the server's certificate is checked. @default true */
  readonly verify: boolean
  /** Paths of PEM files. */
  readonly caCerts: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
}

/** @throws CaromError `CAROM_URL_UNSUPPORTED` for an unknown parameter, or a value that it cannot have. */
export function parseOptions(parameters: readonly (readonly [string, string])[]): RedisOptions {
  const said = new Map<string, string>()
  for (const [name, value] of parameters) {
    if (!KNOWN.includes(name)) throw refusal(`it has an unknown parameter: known are ${KNOWN.join(', ')}`)
    if ((said.get(name) ?? value) !== value) throw refusal(`it says two things for ${name}`)
    said.set(name, value)
  }
  const text = (name: string) => said.get(name) || null
  return {
    globalKeyprefix: text('globalKeyprefix') ?? '',
    visibilityTimeoutMs: durationOf(said, 'visibilityTimeoutMs', { from: 1_000, otherwise: 3_600_000 }),
    resultExpiresMs: durationOf(said, 'resultExpiresMs', { from: 0, otherwise: DEFAULT_EXPIRES_MS }),
    masterName: text('masterName'),
    sentinelUsername: text('sentinelUsername'),
    sentinelPassword: text('sentinelPassword'),
    commandTimeoutMs: durationOf(said, 'commandTimeoutMs', { from: 100, otherwise: 10_000 }),
    tls: {
      verify: verifies(text('ssl_cert_reqs')),
      caCerts: text('ssl_ca_certs'),
      certFile: text('ssl_certfile'),
      keyFile: text('ssl_keyfile'),
    },
  }
}

function durationOf(
  said: ReadonlyMap<string, string>,
  name: string,
  { from, otherwise }: { readonly from: number; readonly otherwise: number },
): number {
  const value = said.get(name)
  if (value === undefined) return otherwise
  const ms = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN
  if (ms >= from) return ms
  throw refusal(`its ${name} is no whole number of milliseconds from ${from} on`)
}

function verifies(requirement: string | null): boolean {
  const [, level = ''] = /^(?:cert_)?(required|optional|none)$/i.exec(requirement ?? 'required') ?? []
  if (level === '') throw refusal('its ssl_cert_reqs is none of required, optional, none')
  return level.toLowerCase() !== 'none'
}

function refusal(why: string): CaromError {
  return new CaromError('CAROM_URL_UNSUPPORTED', `Cannot use a URL of Redis: ${why}`)
}

export const DEFAULT_EXPIRES_MS = 86_400_000
const KNOWN = [
  'globalKeyprefix',
  'visibilityTimeoutMs',
  'resultExpiresMs',
  'masterName',
  'sentinelUsername',
  'sentinelPassword',
  'commandTimeoutMs',
  'ssl_cert_reqs',
  'ssl_ca_certs',
  'ssl_certfile',
  'ssl_keyfile',
]
