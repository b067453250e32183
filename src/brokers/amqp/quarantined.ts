/** A message on its way into the quarantine and out again. */
import { createHash, randomUUID } from 'node:crypto'
import { isCaromError } from '../../errors.ts'
import type { Message } from '../../message/message.ts'
import type { DeliveryCounts, QuarantinedMessage } from '../broker.ts'
import { type Prepared, prepare } from './prepared.ts'
import type { Content } from './protocol/content.ts'
import { QUARANTINE_QUEUE } from './topology.ts'
import { readMessage } from './wire-message.ts'

export function prepareQuarantined(
  queue: string,
  message: Message,
  counts: DeliveryCounts,
  reason: string,
  atMs: number,
): Prepared {
  const { id } = message.headers
  const taskId = typeof id === 'string' && id.length <= MAX_ID_LENGTH ? id : `unnamed-${randomUUID()}`
  const carom = { ...counts, reason: reason.slice(0, MAX_REASON_LENGTH), atMs, queue, taskId }
  // Its time to live would end there; whether it has expired says its header.
  const { expiration: _, ...properties } = message.properties
  try {
    return prepare(QUARANTINE_QUEUE, { ...message, properties }, carom)
  } catch (error) {
    if (!isCaromError(error, 'CAROM_MESSAGE_INVALID')) throw error
    const bare = { headers: {}, properties: {}, contentType: '', contentEncoding: '', body: message.body }
    return prepare(QUARANTINE_QUEUE, bare as unknown as Message, carom)
  }
}

/** Whatever lies in the quarantine: also what nobody here has put there. */
export function readQuarantined(raw: Content): QuarantinedMessage {
  try {
    const { message, carom } = readMessage(raw)
    const { deliveries = 0, crashes = 0, foreign = 0 } = carom
    const { taskId, queue, reason = 'It says no reason', atMs = 0 } = carom
    return {
      taskId: taskId ?? nameOf(raw),
      queue: queue ?? QUARANTINE_QUEUE,
      message,
      counts: { deliveries, crashes, foreign },
      reason,
      atMs,
    }
  } catch {
    const message = { headers: {}, properties: {}, contentType: '', contentEncoding: '', body: raw.body }
    const counts = { deliveries: 0, crashes: 0, foreign: 0 }
    const taskId = nameOf(raw)
    const reason = 'It cannot be read'
    return { taskId, queue: QUARANTINE_QUEUE, message: message as unknown as Message, counts, reason, atMs: 0 }
  }
}

/** The same whenever it is looked at; those that are alike share it. */
function nameOf({ body }: Content): string {
  return `unnamed-${createHash('sha256').update(body).digest('hex').slice(0, 32)}`
}

const MAX_ID_LENGTH = 1024
const MAX_REASON_LENGTH = 8192
