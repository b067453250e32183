/** What a child's task wants published, checked before the worker sends it on: a child is a stranger. */
import type { Outgoing } from '../../brokers/broker.ts'
import { CaromError } from '../../errors.ts'
import type { Message } from '../../message/message.ts'

/** @throws CaromError `CAROM_MESSAGE_INVALID` naming the field. */
export function checkPublished(said: unknown): readonly Outgoing[] {
  if (!Array.isArray(said)) throw invalid('a list of messages', said)
  return said.map(checkOne)
}

function checkOne(said: unknown): Outgoing {
  const { queue, message } = fields('message', said)
  if (typeof queue !== 'string' || queue === '') throw invalid('a queue name', queue)
  return { queue, message: checkMessage(message) }
}

export function checkMessage(said: unknown): Message {
  const { headers, properties, contentType, contentEncoding, body } = fields('message', said)
  const { task, id } = fields('headers', headers)
  if (typeof task !== 'string') throw invalid('the header "task"', task)
  if (typeof id !== 'string') throw invalid('the header "id"', id)
  if (typeof contentType !== 'string' || typeof contentEncoding !== 'string')
    throw invalid('a content type', contentType)
  if (!(body instanceof Uint8Array)) throw invalid('a body of bytes', body)
  return {
    headers: { ...(headers as object), task, id },
    properties: { ...fields('properties', properties) },
    contentType,
    contentEncoding,
    body,
  }
}

export function fields(what: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw invalid(what, value)
}

export function invalid(expected: string, found: unknown): CaromError {
  return new CaromError('CAROM_MESSAGE_INVALID', `A child sent something else than ${expected}: ${typeof found}`)
}
