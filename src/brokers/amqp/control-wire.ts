/** Names and shapes of kombu's pidbox. */
import { isJsonObject } from '../../message/invalid-message.ts'
import { decodeWireJson } from '../../message/wire-json.ts'
import type { ControlRequest } from '../broker.ts'
import { isAddressee } from '../node-pattern.ts'
import type { Channel } from './protocol/channel.ts'

export const REQUEST_EXCHANGE = 'celery.pidbox'
export const REPLY_EXCHANGE = 'reply.celery.pidbox'

/** Of queues for requests and replies: they go with their reader, or soon after it. */
export const MAILBOX_ARGUMENTS = { 'x-expires': 10_000, 'x-message-ttl': 300_000 }

export interface ReceivedRequest {
  readonly request: ControlRequest
  readonly ticket: unknown
  readonly replyTo: { readonly exchange: string; readonly routingKey: string } | null
}

/** `null` for what is no request, or is for others. */
export function readRequest(body: Buffer, node: string): ReceivedRequest | null {
  const fields = readObject(body)
  if (fields === null || typeof fields.method !== 'string') return null
  const { method, ticket, destination } = fields
  if (!isAddressee(node, fields)) return null
  const replyTo = isJsonObject(fields.reply_to) ? fields.reply_to : {}
  const { exchange, routing_key: routingKey } = replyTo
  const isAsked = typeof exchange === 'string' && typeof routingKey === 'string'
  return {
    request: {
      method,
      arguments: isJsonObject(fields.arguments) ? fields.arguments : {},
      destination: Array.isArray(destination) ? destination.filter((name) => typeof name === 'string') : null,
    },
    ticket,
    replyTo: isAsked ? { exchange, routingKey } : null,
  }
}

export function readObject(body: Buffer): Record<string, unknown> | null {
  try {
    const fields = decodeWireJson(body.toString())
    return isJsonObject(fields) ? fields : null
  } catch {
    return null
  }
}

export async function declareRequests(channel: Channel): Promise<void> {
  await channel.exchangeDeclare({ exchange: REQUEST_EXCHANGE, type: 'fanout', durable: false })
}

export async function declareReplies(channel: Channel): Promise<void> {
  await channel.exchangeDeclare({ exchange: REPLY_EXCHANGE, type: 'direct', durable: false })
}
