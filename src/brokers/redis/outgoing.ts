/** From a message to what lies in a list of Redis. */
import { randomUUID } from 'node:crypto'
import { CaromError } from '../../errors.ts'
import { buildEnvelope } from '../../message/envelope.ts'
import type { Message } from '../../message/message.ts'
import { toFailure } from '../../support/failure.ts'
import type { Outgoing } from '../broker.ts'
import { oversize } from './envelope-size.ts'
import { type Keys, stepOf } from './keys.ts'

/** A message on its way into a list. */
export interface Pushed {
  readonly queue: string
  readonly list: string
  readonly envelope: string
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` when the message cannot be kept. */
export function toPushed({ queue, message }: Outgoing, keys: Keys): Pushed {
  if (typeof queue !== 'string' || queue === '' || queue.length > MAX_QUEUE_LENGTH) {
    throw invalid(message, `its queue is no name of 1 to ${MAX_QUEUE_LENGTH} characters`)
  }
  if (keys.isReserved(queue)) throw invalid(message, `the name of its queue (${queue}) is that of another key`)
  const properties = withReadablePriority(message)
  const { headers, contentType, contentEncoding, body } = message
  const deliveryTag = randomUUID()
  try {
    const envelope = buildEnvelope({
      headers,
      properties,
      contentType,
      contentEncoding,
      body,
      deliveryTag,
      exchange: '',
      routingKey: queue,
    })
    const problem = envelope.length > LARGE ? oversize(Buffer.from(envelope)) : null
    if (problem !== null) throw problem
    return { queue, list: keys.list(queue, stepOf(properties.priority)), envelope }
  } catch (cause) {
    if (cause instanceof CaromError) throw invalid(message, cause.message, cause)
    throw invalid(message, `it cannot be written as JSON: ${toFailure(cause).message}`, cause)
  }
}

/** What is no number is none to a reader either. */
function withReadablePriority({ properties }: Message): Message['properties'] {
  const { priority } = properties
  return priority === undefined || Number.isFinite(priority) ? properties : { ...properties, priority: 0 }
}

function invalid(message: Message, why: string, cause?: unknown): CaromError {
  const { task, id } = message.headers
  return new CaromError('CAROM_MESSAGE_INVALID', `Cannot publish task ${task} (${id}): ${why}`, { cause, taskId: id })
}

const MAX_QUEUE_LENGTH = 1024
// Characters below which it is not worth measuring: no three bytes for each are too much.
const LARGE = 256 * 1024
