/** Where a RabbitMQ is and how its queues are declared, read from a URL. The URL's text gets into no message. */
import { CaromError } from '../../errors.ts'

export interface AmqpHost {
  readonly hostname: string
  readonly port: number
  readonly vhost: string
  readonly username: string
  readonly password: string
  readonly tls: boolean
}

export type QueueType = 'classic' | 'quorum'

export interface AmqpAddress {
  readonly type: 'amqp'
  /** In the order in which they are tried. */
  readonly hosts: readonly [AmqpHost, ...AmqpHost[]]
  /** A connection on which nothing was heard for twice as long is given up; 0 for never. */
  readonly heartbeatMs: number
  /** What a queue is that does not exist yet. One that exists is used as it is. */
  readonly queueType: QueueType
  /** `x-max-priority` of a queue that does not exist yet; `null` for a queue without priorities. */
  readonly maxPriority: number | null
  /** What the queues of delayed messages are: Celery's setting `broker_native_delayed_delivery_queue_type`. */
  readonly delayedQueueType: QueueType
  /** Whether results that are sent back survive a restart of RabbitMQ: Celery's setting `result_persistent`. */
  readonly persistentResults: boolean
}

export function isAmqpScheme(scheme: string): boolean {
  return scheme === 'amqp' || scheme === 'amqps' || scheme === 'pyamqp'
}

/**
 * `amqp[s]://[user[:password]@][host][:port][/vhost][?...]`, several of them separated by `;`. The parameters are of
 * all of them together: `heartbeat` (seconds, as in RabbitMQ's own URLs; 10 by default), `queueType` and
 * `delayedQueueType` (`classic` or `quorum`), `maxPriority` (1 to 255), `persistentResults` (`true` or `false`).
 *
 * @throws CaromError `CAROM_URL_UNSUPPORTED`
 */
export function parseAmqpUrl(text: string): AmqpAddress {
  const urls = text.split(';').map((part) => part.trim())
  const [first, ...others] = urls.filter((part) => part !== '').map(parseOne)
  if (first === undefined) throw unusable('it is empty')
  const parameters = parametersOf([first, ...others])
  const queueType = oneOf(parameters, 'queueType', QUEUE_TYPES)
  const maxPriority = parameters.has('maxPriority') ? wholeNumber(parameters, 'maxPriority', 1, 255, 0) : null
  if (queueType === 'quorum' && maxPriority !== null) throw unusable('a quorum queue has no maxPriority')
  return {
    type: 'amqp',
    hosts: [first.host, ...others.map(({ host }) => host)],
    heartbeatMs: wholeNumber(parameters, 'heartbeat', 0, 3600, DEFAULT_HEARTBEAT_SECONDS) * 1000,
    queueType,
    maxPriority,
    // Celery's default too: whoever declares them second has to say the same.
    delayedQueueType: oneOf(parameters, 'delayedQueueType', ['quorum', 'classic']),
    persistentResults: oneOf(parameters, 'persistentResults', ['false', 'true']) === 'true',
  }
}

/** The store's name: what operators may see, so neither user nor password. */
export function storeName({ hosts: [{ tls, hostname, port, vhost }] }: AmqpAddress): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  return `${tls ? 'amqps' : 'amqp'}://${host}:${port}/${encodeURIComponent(vhost)}`
}

function parseOne(text: string): { host: AmqpHost; parameters: URLSearchParams } {
  // The error would hold the URL's text.
  const url = URL.canParse(text) ? new URL(text) : null
  const scheme = url?.protocol.slice(0, -1) ?? ''
  if (url === null || !isAmqpScheme(scheme)) {
    throw unusable('expected amqp://user:password@host:port/vhost, several separated by ";"')
  }
  const tls = scheme === 'amqps'
  const host: AmqpHost = {
    hostname: url.hostname === '' ? 'localhost' : decoded(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (tls ? 5671 : 5672) : Number(url.port),
    vhost: decoded(url.pathname.replace(/^\//, '')) || '/',
    username: decoded(url.username) || 'guest',
    password: decoded(url.password) || 'guest',
    tls,
  }
  return { host, parameters: url.searchParams }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw unusable('a "%" in it is not followed by two hexadecimal digits: write a literal one as %25')
  }
}

function parametersOf(urls: readonly { readonly parameters: URLSearchParams }[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of urls.flatMap(({ parameters }) => [...parameters])) {
    if (!PARAMETERS.includes(name)) throw unusable(`it has an unknown parameter: it takes ${PARAMETERS.join(', ')}`)
    if ((found.get(name) ?? value) !== value) throw unusable(`its parameter ${name} is given twice with two values`)
    found.set(name, value)
  }
  return found
}

function wholeNumber(
  parameters: ReadonlyMap<string, string>,
  name: string,
  from: number,
  to: number,
  otherwise: number,
): number {
  const text = parameters.get(name)
  if (text === undefined) return otherwise
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= from && value <= to) return value
  throw unusable(`its parameter ${name} is no whole number from ${from} to ${to}`)
}

function oneOf<T extends string>(
  parameters: ReadonlyMap<string, string>,
  name: string,
  values: readonly [T, ...T[]],
): T {
  const text = parameters.get(name) ?? values[0]
  const value = values.find((each) => each === text)
  if (value !== undefined) return value
  throw unusable(`its parameter ${name} is neither ${values.map((each) => `"${each}"`).join(' nor ')}`)
}

function unusable(why: string): CaromError {
  return new CaromError('CAROM_URL_UNSUPPORTED', `Cannot use the URL of RabbitMQ: ${why}`)
}

const DEFAULT_HEARTBEAT_SECONDS = 10
const QUEUE_TYPES: readonly [QueueType, QueueType] = ['classic', 'quorum']
const PARAMETERS = ['heartbeat', 'queueType', 'maxPriority', 'delayedQueueType', 'persistentResults']
