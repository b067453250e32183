/** What Celery's remote control says, both ways: requests over a fanout exchange, replies into a queue of the asker. */
import { randomUUID } from 'node:crypto'
import { decodeBody } from '../../message/body.ts'
import { buildEnvelope, parseEnvelope } from '../../message/envelope.ts'
import { isJsonObject } from '../../message/invalid-message.ts'
import { JSON_CONTENT_TYPE } from '../../message/serializers.ts'
import { encodeWireJson } from '../../message/wire-json.ts'
import type { ControlRequest } from '../broker.ts'
import { isAddressee } from '../node-pattern.ts'
import { oversize } from './envelope-size.ts'

export const PIDBOX = 'celery.pidbox'
export const REPLIES = 'reply.celery.pidbox'

/** A request as it was heard. */
export interface Asked {
  readonly request: ControlRequest
  /** Whether this node is meant. */
  isFor(node: string): boolean
  /** Where the reply goes; `null` where none is wanted. */
  readonly replyTo: { readonly exchange: string; readonly routingKey: string; readonly ticket: unknown } | null
}

export interface AskOptions {
  readonly ticket: string
  /** Names the queue of replies. */
  readonly replyKey: string
  readonly expiresMs: number
}

/** The envelope of a request to every node, or to those of its destination. */
export function requestEnvelope(request: ControlRequest, { ticket, replyKey, expiresMs }: AskOptions): string {
  const { method, destination, arguments: args } = request
  const body = {
    method,
    arguments: args,
    destination,
    pattern: null,
    matcher: null,
    ticket,
    reply_to: { exchange: REPLIES, routing_key: replyKey },
  }
  return envelope(encodeWireJson(body, { root: 'request' }), PIDBOX, '', { clock: 1, expires: expiresMs / 1000 }, 2)
}

/** `null` for what is no request. */
export function readRequest(bytes: Buffer): Asked | null {
  const body = read(bytes)?.body
  if (!isJsonObject(body) || typeof body.method !== 'string') return null
  const { method, arguments: args, destination, ticket, reply_to: replyTo } = body
  const nodes = Array.isArray(destination) ? destination.filter((node) => typeof node === 'string') : null
  const { exchange, routing_key: routingKey } = isJsonObject(replyTo) ? replyTo : {}
  const wants = typeof exchange === 'string' && typeof routingKey === 'string'
  return {
    request: { method, arguments: isJsonObject(args) ? args : {}, destination: nodes },
    isFor: (node) => isAddressee(node, body),
    replyTo: wants ? { exchange, routingKey, ticket } : null,
  }
}

/** `reply` is JSON text. */
export function replyEnvelope(node: string, reply: string, { exchange, routingKey, ticket }: ReplyTo): string {
  return envelope(`{${JSON.stringify(node)}: ${reply}}`, exchange, routingKey, { ticket, clock: 1 }, 1)
}

type ReplyTo = NonNullable<Asked['replyTo']>

/** The replies by node name, if they are replies to that request. */
export function readReply(bytes: Buffer, ticket: string): Readonly<Record<string, unknown>> {
  const reply = read(bytes)
  return reply !== null && reply.headers.ticket === ticket && isJsonObject(reply.body) ? reply.body : {}
}

function envelope(body: string, exchange: string, routingKey: string, headers: object, mode: 1 | 2): string {
  return buildEnvelope({
    headers: { ...headers },
    properties: { delivery_mode: mode, priority: 0 },
    contentType: JSON_CONTENT_TYPE,
    contentEncoding: 'utf-8',
    body: Buffer.from(body),
    deliveryTag: randomUUID(),
    exchange,
    routingKey,
  })
}

function read(bytes: Buffer): { headers: Readonly<Record<string, unknown>>; body: unknown } | null {
  if (oversize(bytes) !== null) return null
  try {
    const message = parseEnvelope(bytes.toString())
    return { headers: message.headers, body: decodeBody(message, { maxBytes: MAX_BODY_BYTES }) }
  } catch {
    return null
  }
}

const MAX_BODY_BYTES = 4 * 1024 * 1024
