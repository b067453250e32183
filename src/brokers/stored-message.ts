/** A message as a store keeps it: headers and properties as text, placed by queue, rank and due time. */
import { randomUUID } from 'node:crypto'
import { CaromError } from '../errors.ts'
import { fromWireDate } from '../message/dates.ts'
import { headersText, propertiesText } from '../message/fields-text.ts'
import type { Message, MessageProperties, TaskHeaders } from '../message/message.ts'
import { decodeWireJson } from '../message/wire-json.ts'
import { toFailure } from '../support/failure.ts'
import type { Outgoing } from './broker.ts'

export interface StoredMessage {
  readonly headers: string
  readonly properties: string
  readonly contentType: string
  readonly contentEncoding: string
  readonly body: Uint8Array
}

export interface PlacedMessage extends StoredMessage {
  readonly queue: string
  /** The lower the earlier: 255 less the priority. */
  readonly rank: number
  /** Epoch milliseconds; 0 when it is due already. */
  readonly dueMs: number
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` when the message cannot be kept. */
export function toPlaced({ queue, message }: Outgoing): PlacedMessage {
  // A store may keep text as C does, which ends at the first NUL.
  if (typeof queue !== 'string' || queue === '' || queue.includes('\0')) {
    throw invalid(message, `its queue ${JSON.stringify(queue)} is no name: use text without NUL`)
  }
  return {
    queue,
    rank: MAX_PRIORITY - priorityOf(message.properties.priority),
    dueMs: dueMs(message.headers.eta),
    headers: written(message, headersText, 'headers'),
    properties: written(message, propertiesText, 'properties'),
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    body: message.body,
  }
}

export function fromStored(stored: StoredMessage): Message {
  return {
    headers: decodeWireJson(stored.headers) as TaskHeaders,
    properties: decodeWireJson(stored.properties) as MessageProperties,
    contentType: stored.contentType,
    contentEncoding: stored.contentEncoding,
    body: stored.body,
  }
}

/** The task's id, of the text of its headers; a new name where there is none, so that a person can ask for it. */
export function taskIdOf(headers: string): string {
  const { id } = decodeWireJson(headers) as TaskHeaders
  return typeof id === 'string' ? id : `unnamed-${randomUUID()}`
}

/** What the message takes in a store, roughly. */
export function sizeBytes({ headers, properties, body }: StoredMessage): number {
  return headers.length + properties.length + body.byteLength
}

/** When a message that is to wait for `delayMs` is due; 0 for now. */
export function dueAfter(delayMs: number, nowMs: number): number {
  return delayMs > 0 ? Math.min(MAX_DUE_MS, Math.ceil(nowMs + delayMs)) : 0
}

function written(message: Message, write: typeof headersText, part: 'headers' | 'properties'): string {
  try {
    return write(message[part], part)
  } catch (cause) {
    throw invalid(message, `its ${part} cannot be written as JSON: ${toFailure(cause).message}`, cause)
  }
}

function invalid(message: Message, why: string, cause?: unknown): CaromError {
  const { task, id } = message.headers
  return new CaromError('CAROM_MESSAGE_INVALID', `Cannot publish task ${task} (${id}): ${why}`, { cause, taskId: id })
}

/** AMQP's scale, one octet; what is no number counts as 0. */
function priorityOf(priority: unknown): number {
  if (typeof priority !== 'number' || Number.isNaN(priority)) return 0
  return Math.trunc(Math.min(MAX_PRIORITY, Math.max(0, priority)))
}

/** An `eta` that is no date is the worker's to judge: it is due now. */
function dueMs(eta: unknown): number {
  const atMs = typeof eta === 'string' ? fromWireDate(eta) : null
  return atMs === null || atMs <= Date.now() ? 0 : atMs
}

const MAX_PRIORITY = 255
// The last moment that a Date can name.
const MAX_DUE_MS = 8.64e15
