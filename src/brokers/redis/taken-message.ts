/**
 * A message as it was taken from a list, and how it is written again when it goes back. All of it is a stranger's.
 *
 * What a return counts as is kept in a header of ours, which is no part of the message that a worker sees.
 */
import { randomUUID } from 'node:crypto'
import { fromWireDate } from '../../message/dates.ts'
import { buildEnvelope, type Envelope, parseEnvelope } from '../../message/envelope.ts'
import { invalidMessage } from '../../message/invalid-message.ts'
import type { Message, TaskHeaders } from '../../message/message.ts'
import { isProtocolV2 } from '../../message/protocol-v1.ts'
import { readTask } from '../../message/task-message.ts'
import type { DeliveryCounts } from '../broker.ts'
import { oversize } from './envelope-size.ts'

export interface TakenMessage {
  readonly message: Message
  /** As they were before this delivery. */
  readonly counts: DeliveryCounts
}

/**
 * @param bytes its length, where `taken` is only the beginning of it.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID`, also for one that is too large to be read.
 */
export function readEnvelope(taken: Uint8Array, bytes = taken.byteLength): TakenMessage {
  const envelope = parse(taken, bytes)
  const counts = envelope.headers[COUNTS]
  const headers = counts === undefined ? envelope.headers : withoutCounts(envelope.headers)
  const { properties, contentType, contentEncoding, body } = envelope
  const message = { headers: headers as TaskHeaders, properties, contentType, contentEncoding, body }
  return { message: withTaskHeaders(message), counts: countsOf(counts, headers.redelivered === true) }
}

/** The envelope with other counts, marked as redelivered as kombu does it. Complete, whatever its sender left out. */
export function rewriteEnvelope(bytes: Uint8Array, queue: string, counts: DeliveryCounts): string {
  const envelope = parse(bytes)
  const headers = {
    ...envelope.headers,
    [COUNTS]: [counts.deliveries, counts.crashes, counts.foreign],
    redelivered: true,
  }
  return complete({ ...envelope, headers, deliveryInfo: { ...envelope.deliveryInfo, redelivered: true } }, queue)
}

/** The envelope as if it had never been delivered. */
export function freshEnvelope(bytes: Uint8Array, queue: string): string {
  const envelope = parse(bytes)
  const { [COUNTS]: _counts, redelivered: _redelivered, ...headers } = envelope.headers
  const { redelivered: _again, ...deliveryInfo } = envelope.deliveryInfo ?? {}
  return complete({ ...envelope, headers, deliveryInfo }, queue)
}

/** When a message may be run; 0 for now. An `eta` that is no date is the worker's to judge. */
export function dueMs({ headers }: Message): number {
  return (typeof headers.eta === 'string' ? fromWireDate(headers.eta) : null) ?? 0
}

export function counted(counts: DeliveryCounts, count: 'none' | 'lease' | 'crash' | 'foreign'): DeliveryCounts {
  return {
    deliveries: counts.deliveries + (count === 'none' ? 0 : 1),
    crashes: counts.crashes + (count === 'crash' ? 1 : 0),
    foreign: counts.foreign + (count === 'foreign' ? 1 : 0),
  }
}

/** Celery's first protocol has no headers: they are made from the body, which a child reads as it is. */
function withTaskHeaders(message: Message): Message {
  if (isProtocolV2(message.headers)) return message
  try {
    return { ...message, headers: readTask(message).headers }
  } catch {
    // No task message of any protocol: the worker sets it aside, and says so.
    return message
  }
}

function complete(envelope: Envelope, queue: string): string {
  return buildEnvelope({
    ...envelope,
    deliveryTag: envelope.deliveryTag ?? randomUUID(),
    exchange: envelope.exchange ?? '',
    routingKey: envelope.routingKey ?? queue,
  })
}

function withoutCounts({ [COUNTS]: _, ...headers }: Envelope['headers']): Envelope['headers'] {
  return headers
}

function countsOf(header: unknown, redelivered: boolean): DeliveryCounts {
  const [deliveries = 0, crashes = 0, foreign = 0] = Array.isArray(header) ? header.map(countOf) : []
  // A Python worker, or kombu, has given it back at least once.
  return { deliveries: Math.max(deliveries, redelivered ? 1 : 0), crashes, foreign }
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? Math.min(value as number, MAX_COUNT) : 0
}

function parse(taken: Uint8Array, bytes = taken.byteLength): Envelope {
  const problem = oversize(taken, bytes)
  if (problem !== null) throw problem
  return parseEnvelope(textOf(taken))
}

function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw invalidMessage({}, 'envelope', 'is not valid UTF-8', { cause })
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const COUNTS = 'x-carom-counts'
const MAX_COUNT = 1_000_000
