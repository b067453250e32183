/** What goes wrong with RabbitMQ, as Carom's errors. */
import { CaromError, isCaromError } from '../../errors.ts'
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

/** One of RabbitMQ's own as {@link unavailable}, so that all know it as trouble of the store; one of Carom's as it is. */
export function asCaromError(error: unknown, done: string): CaromError {
  return isCaromError(error) ? error : unavailable(done, error)
}

/** RabbitMQ lets nobody in by this URL: user, password or virtual host are wrong. */
export function notLetIn(store: string, cause: unknown): CaromError {
  const [what, check] =
    codeOf(cause) === 'ACCESS_REFUSED'
      ? ['the login', 'user and password in the URL are what RabbitMQ knows']
      : ['the virtual host', 'the virtual host at the end of the URL exists, and that the user has permissions there']
  return new CaromError(
    'CAROM_STORE_UNAVAILABLE',
    `RabbitMQ at ${store} refused ${what}: ${reasonOf(cause)}. Check that ${check}; until then every try ends like this`,
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
  return error instanceof AmqpError && REFUSALS.has(error.code) && !LIMIT_REACHED.test(error.message)
}

function reasonOf(cause: unknown): string {
  const { code, message } = toFailure(cause)
  return code === null || message.includes(code) ? message : `${code}: ${message}`
}

const REFUSALS = new Set(['ACCESS_REFUSED', 'NOT_ALLOWED', 'INVALID_PATH'])
// Too many connections for now, which RabbitMQ says by NOT_ALLOWED too. Whole: a virtual host may be called "limit".
const LIMIT_REACHED = /connection limit \(\d+\) is reached/
