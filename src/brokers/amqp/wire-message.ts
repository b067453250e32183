/**
 * A message as AMQP has it: headers as a table, properties beside it, the body as it is. What Carom adds is one header,
 * `x-carom`, a table; Python's workers show it among a request's headers and do nothing with it.
 */
import { CaromError } from '../../errors.ts'
import { kindOf, quoted } from '../../message/invalid-message.ts'
import type { Message, MessageProperties, TaskHeaders } from '../../message/message.ts'
import type { DeliveryCounts } from '../broker.ts'
import { type Content, type Properties, UnreadableHeaders } from './protocol/content.ts'
import type { Publication } from './protocol/publication.ts'
import { checkTable, NoTableFormError, type Table } from './table.ts'

/** The header `x-carom`. All of it may be missing; what is no number or text counts as missing. */
export interface CaromHeader extends Partial<DeliveryCounts> {
  /** Not before this moment (epoch milliseconds), where the message has been given back with a delay. */
  readonly dueMs?: number | undefined
  /** Of a quarantined message: why, when, from where, and the name by which it is asked for. */
  readonly reason?: string | undefined
  readonly atMs?: number | undefined
  readonly queue?: string | undefined
  readonly taskId?: string | undefined
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` for what AMQP cannot carry. */
export function toPublication(queue: string, message: Message, carom: CaromHeader = {}): Publication {
  if (typeof queue !== 'string' || queue === '' || Buffer.byteLength(queue) > MAX_SHORT_BYTES) {
    throw invalid(message, `its queue ${quoted(String(queue))} is no name of 1 to ${MAX_SHORT_BYTES} bytes`)
  }
  try {
    return {
      exchange: '',
      routingKey: queue,
      mandatory: true,
      properties: propertiesOf(message),
      headers: headersOf(message, carom),
      // The publisher may go on to use its buffer.
      body: Buffer.from(message.body),
    }
  } catch (error) {
    if (error instanceof NoTableFormError) throw invalid(message, `${error.path} ${error.reason}`, error)
    throw error
  }
}

export interface ReadMessage {
  readonly message: Message
  readonly carom: CaromHeader
  /** How often RabbitMQ has taken it back, where its queue counts that (a quorum queue). */
  readonly returns: number | null
}

/** @throws NoTableFormError when it cannot be read. */
export function readMessage(raw: Content): ReadMessage {
  if (raw.headers instanceof UnreadableHeaders) throw new NoTableFormError('headers', raw.headers.reason)
  const { 'x-carom': carom, 'x-delivery-count': returns } = raw.headers ?? {}
  const message: Message = {
    headers: readHeaders(raw.headers ?? {}),
    properties: readProperties(raw),
    contentType: raw.contentType ?? '',
    contentEncoding: raw.contentEncoding || 'utf-8',
    body: raw.body,
  }
  return { message, carom: readCarom(carom), returns: countOf(returns) ?? null }
}

/** What others do not know belongs to RabbitMQ or to Carom. */
function readHeaders(table: Table): TaskHeaders {
  const isWhole = !BROKER_HEADERS.some((name) => Object.hasOwn(table, name))
  const kept = isWhole
    ? table
    : Object.fromEntries(Object.entries(table).filter(([name]) => !BROKER_HEADERS.includes(name)))
  return kept as unknown as TaskHeaders
}

function readProperties(raw: Content): MessageProperties {
  const properties: Record<string, unknown> = {}
  for (const [name, property] of PROPERTIES) if (raw[property] !== undefined) properties[name] = raw[property]
  return properties
}

function propertiesOf(message: Message): Properties {
  const properties: Record<string, unknown> = {
    contentType: short(message.contentType, 'contentType'),
    contentEncoding: short(message.contentEncoding, 'contentEncoding'),
    deliveryMode: 2,
  }
  for (const [name, value] of Object.entries(message.properties)) {
    const property = PROPERTIES.get(name)
    if (value === undefined || value === null || isBeyondExpiration(name, value)) continue
    if (property === undefined) throw new NoTableFormError(`properties.${name}`, 'is no property that AMQP has')
    properties[property] = propertyOf(name, value)
  }
  return properties
}

function propertyOf(name: string, value: unknown): unknown {
  if (name === 'priority') return priorityOf(value)
  if (name === 'delivery_mode') return value === 1 ? 1 : 2
  if (name === 'expiration' && !isMilliseconds(value)) {
    throw new NoTableFormError('properties.expiration', 'is no decimal string of milliseconds')
  }
  if (name === 'timestamp' && !(Number.isSafeInteger(value) && (value as number) >= 0)) {
    throw new NoTableFormError('properties.timestamp', 'is no count of seconds')
  }
  return name === 'timestamp' ? value : short(value, `properties.${name}`)
}

/** RabbitMQ refuses more than 32 bits, 49 days. The header `expires` stays, and every worker heeds it. */
function isBeyondExpiration(name: string, value: unknown): boolean {
  return name === 'expiration' && isMilliseconds(value) && Number(value) > MAX_EXPIRATION_MS
}

function isMilliseconds(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value)
}

/** AMQP's scale, one octet; what is no number counts as 0. */
function priorityOf(priority: unknown): number {
  if (typeof priority !== 'number' || Number.isNaN(priority)) return 0
  return Math.trunc(Math.min(255, Math.max(0, priority)))
}

function short(value: unknown, path: string): string {
  if (typeof value === 'string' && Buffer.byteLength(value) <= MAX_SHORT_BYTES) return value
  throw new NoTableFormError(path, `is no text of at most ${MAX_SHORT_BYTES} bytes`)
}

function headersOf(message: Message, carom: CaromHeader): Table {
  const taken = RESERVED_HEADERS.find((name) => Object.hasOwn(message.headers, name))
  if (taken !== undefined)
    throw new NoTableFormError(`headers.${taken}`, 'is a name that RabbitMQ or Carom uses itself')
  const headers = checkTable(message.headers, 'headers')
  const added = Object.entries(carom).filter(([, value]) => value !== undefined && value !== 0)
  return added.length === 0 ? headers : { ...headers, 'x-carom': checkTable(Object.fromEntries(added), 'x-carom') }
}

function readCarom(table: unknown): CaromHeader {
  if (typeof table !== 'object' || table === null) return {}
  const fields = table as Table
  const text = (name: keyof CaromHeader) => {
    const value = fields[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    deliveries: countOf(fields.deliveries) ?? 0,
    crashes: countOf(fields.crashes) ?? 0,
    foreign: countOf(fields.foreign) ?? 0,
    dueMs: countOf(fields.dueMs),
    reason: text('reason'),
    atMs: countOf(fields.atMs),
    queue: text('queue'),
    taskId: text('taskId'),
  }
}

/** Anybody may have written it. */
function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value) ? value : undefined
}

function invalid(message: Message, why: string, cause?: unknown): CaromError {
  const { task, id } = message.headers
  return new CaromError('CAROM_MESSAGE_INVALID', `Cannot publish task ${named(task)} (${named(id)}): ${why}`, {
    cause,
    taskId: typeof id === 'string' ? id : null,
  })
}

/** Of a header that may be anything, also what cannot be made text. */
export function named(header: unknown): string {
  return typeof header === 'string' ? quoted(header) : kindOf(header)
}

const MAX_SHORT_BYTES = 255
const MAX_EXPIRATION_MS = 2 ** 32 - 1
// Without user_id and cluster_id, which only RabbitMQ itself may set.
const PROPERTIES: ReadonlyMap<string, keyof Properties> = new Map([
  ['correlation_id', 'correlationId'],
  ['reply_to', 'replyTo'],
  ['delivery_mode', 'deliveryMode'],
  ['priority', 'priority'],
  ['expiration', 'expiration'],
  ['message_id', 'messageId'],
  ['timestamp', 'timestamp'],
  ['type', 'type'],
  ['app_id', 'appId'],
])
// RabbitMQ delivers a message to the queues that CC and BCC name, too: also when it is only put back into its own.
const RESERVED_HEADERS = ['CC', 'BCC', 'x-carom']
const BROKER_HEADERS = [
  ...RESERVED_HEADERS,
  'x-delivery-count',
  'x-death',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-last-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
]
