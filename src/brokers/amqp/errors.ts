/** What goes wrong with RabbitMQ, as Carom's errors. */
import { CaromError } from '../../errors.ts'
import { toFailure } from '../../support/failure.ts'
import { AmqpError } from './protocol/amqp-error.ts'

/** @param done What happened, and to whom: "The connection to amqp://... was lost". */
export function unavailable(done: string, cause?: unknown): CaromError {
  const reason = cause === undefined ? '' : `: ${reasonOf(cause)}`
  return new CaromError(
    'CAROM_STORE_UNAVAILABLE',
    `${done}${reason}. Try again; if it goes on, look at RabbitMQ's log and at the network`,
    { cause },
  )
}

export function closed(what: string): CaromError {
  return new CaromError('CAROM_STORE_CLOSED', `${what} was closed`)
}

/** RabbitMQ's name of the reply code (`PRECONDITION_FAILED`, ...), or the system's. */
export function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

/** Trying again changes nothing: user, password, permissions or the virtual host are wrong. */
export function isRefusal(error: unknown): boolean {
  return error instanceof AmqpError && REFUSALS.has(codeOf(error))
}

function reasonOf(cause: unknown): string {
  const { code, message } = toFailure(cause)
  return code === null || message.includes(code) ? message : `${code}: ${message}`
}

const REFUSALS = new Set(['ACCESS_REFUSED', 'NOT_ALLOWED', 'INVALID_PATH'])
