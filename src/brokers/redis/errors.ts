/** What Redis's replies and a broken connection mean to the user of a store, and what can be done about them. */
import { CaromError, type CaromErrorCode } from '../../errors.ts'

/** The CaromError that says what happened to the store called `name`; the error of a bug of ours comes back as it is. */
export function toStoreError(name: string, error: unknown): unknown {
  if (error instanceof CaromError || !(error instanceof Error)) return error
  const text = error.message
  const found = REPLIES.find(({ begins }) => begins.test(text))
  // Redis's other replies (WRONGTYPE, an error in a script) tell of a bug, or of keys that are not Celery's.
  const advice = found?.advice ?? (isReply(error) ? UNKNOWN : isUntrusted(error) ? UNTRUSTED : UNREACHABLE)
  return storeError(found?.code ?? 'CAROM_STORE_UNAVAILABLE', name, error, advice)
}

export function storeError(
  code: Extract<CaromErrorCode, `CAROM_STORE_${string}`>,
  name: string,
  cause: Error | string,
  advice: string,
): CaromError {
  const said = typeof cause === 'string' ? cause : firstLine(cause)
  const kept = typeof cause === 'string' ? {} : { cause: withoutArguments(cause) }
  return new CaromError(code, `The store ${name}: ${said}. ${advice}`, { ...kept, store: name })
}

/** Whether another server may have to be found: this one takes no writes any more. */
export function isDemoted(error: unknown): boolean {
  return error instanceof Error && /^(READONLY|MASTERDOWN|LOADING|UNBLOCKED)\b/.test(scriptless(error.message))
}

/** Whether the server's certificate, or ours, is why there is no connection. Names are those of Node and OpenSSL. */
export function isUntrusted(error: unknown): boolean {
  const { code = '', syscall = '' } = (error ?? {}) as { readonly code?: unknown; readonly syscall?: unknown }
  // A file that cannot be read is one of these too.
  return typeof code === 'string' && (CERTIFICATE.test(code) || syscall === 'open' || code === 'EISDIR')
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** Whether this user may not do it. */
export function isNotAllowed(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM')
}

/** An error within a script names the script around it. */
function scriptless(text: string): string {
  return text.replace(/^ERR Error running script[^:]*: @\w+: \d+: -?/, '').replace(/^-/, '')
}

/** A command's arguments hold messages, perhaps a password; ioredis hangs them on its errors. */
function withoutArguments(error: Error): Error {
  const { code } = error as NodeJS.ErrnoException
  const cause = new Error(firstLine(error))
  cause.name = error.name
  return Object.assign(cause, code === undefined ? {} : { code })
}

function firstLine(error: Error): string {
  const text = scriptless(
    (error.message || (error as NodeJS.ErrnoException).code || error.name).split('\n', 1)[0] ?? '',
  )
  return text.slice(0, MAX_TEXT).replace(/\.$/, '')
}

function isReply(error: Error): boolean {
  return error.name === 'ReplyError'
}

const MAX_TEXT = 300
const UNREACHABLE = 'Check that it runs and can be reached from here; what is under way is tried again'
const UNTRUSTED =
  'Check ssl_ca_certs, ssl_certfile and ssl_keyfile in the URL, and the name and dates of the certificate'
const CERTIFICATE =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ERR_TLS_CERT|ERR_SSL_TLSV1?3?_ALERT|ERR_OSSL_)/
const UNKNOWN = 'Check that nothing else uses the keys of these queues in this database'

interface Known {
  readonly begins: RegExp
  readonly code: Extract<CaromErrorCode, `CAROM_STORE_${string}`>
  readonly advice: string
}

const REPLIES: readonly Known[] = [
  {
    begins: reply('OOM'),
    code: 'CAROM_STORE_FULL',
    advice: 'Give it memory (maxmemory) or remove what nobody needs; nothing is lost, and work then goes on by itself',
  },
  {
    begins: reply('READONLY'),
    code: 'CAROM_STORE_READ_ONLY',
    advice: 'It is a replica now: name all servers in the URL, separated by ";", or its sentinels',
  },
  {
    begins: reply('MISCONF|NOREPLICAS'),
    code: 'CAROM_STORE_READ_ONLY',
    advice: "It takes no writes: look into the server's log, its disk may be full or its replicas gone",
  },
  {
    begins: reply('NOAUTH|WRONGPASS|NOPERM|ERR (AUTH|invalid password|Client sent AUTH)'),
    code: 'CAROM_STORE_UNAVAILABLE',
    advice: 'Check user and password in the URL, and what this user may do (ACL)',
  },
  {
    begins: reply('MOVED|ASK|CROSSSLOT|CLUSTERDOWN'),
    code: 'CAROM_STORE_UNAVAILABLE',
    advice: "Celery's queues cannot lie in a Redis Cluster: use a single server, or one with sentinels",
  },
  {
    begins: reply('LOADING|MASTERDOWN|BUSY|TRYAGAIN|UNKILLABLE|UNBLOCKED'),
    code: 'CAROM_STORE_UNAVAILABLE',
    advice: 'It is not ready for commands yet; what is under way is tried again',
  },
  {
    begins: reply('ERR (DB index|max number of clients|unknown command)'),
    code: 'CAROM_STORE_UNAVAILABLE',
    advice: 'Redis 6.2 or newer is needed, with a database of that number and room for one more client',
  },
]

/** At the beginning, or where a script reports it. */
function reply(codes: string): RegExp {
  return new RegExp(`(?:^-?|: -?)(?:${codes})\\b`)
}
