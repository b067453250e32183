import { CaromError } from '../errors.ts'

/** Whom an error about a message is about, as far as it is known. Nothing in it is trusted. */
export interface MessageNames {
  readonly id?: unknown
  readonly task?: unknown
}

/**
 * The error for a message that cannot be used. `field` is the part that is wrong (`headers.eta`, `body[0]`, ...);
 * it becomes a fact of the error, beside `taskId` and `task`.
 */
export function invalidMessage(
  names: MessageNames,
  field: string,
  problem: string,
  options: { readonly cause?: unknown } = {},
): CaromError {
  const whose = typeof names.id === 'string' ? ` ${quoted(names.id)}` : ''
  const task = typeof names.task === 'string' ? ` of task ${quoted(names.task)}` : ''
  const text = `Message${whose}${task} cannot be used: ${field} ${problem}. Correct its producer and send it again`
  return new CaromError('CAROM_MESSAGE_INVALID', text, {
    ...options,
    field,
    taskId: typeof names.id === 'string' ? names.id.slice(0, MAX_FACT_LENGTH) : null,
    task: typeof names.task === 'string' ? names.task.slice(0, MAX_FACT_LENGTH) : null,
  })
}

/** What a value is, in a few words and without its content: it may be a secret, or a megabyte. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return `an array of ${value.length}`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** For a JSON object; a tagged date or bytes were one on the wire, but are none once decoded. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !(value instanceof Date) && !(value instanceof Uint8Array)
}

/** In double quotes, control characters escaped, cut at a length that a log can bear. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text)
}

const MAX_QUOTED_LENGTH = 80
const MAX_FACT_LENGTH = 255
