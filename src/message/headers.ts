import { fromWireDate } from './dates.ts'
import { invalidMessage, kindOf } from './invalid-message.ts'
import type { Message, TaskHeaders } from './message.ts'

/** A message as a broker handed it out: what its headers are is not known yet. */
export interface UncheckedMessage extends Omit<Message, 'headers'> {
  readonly headers: Readonly<Record<string, unknown>>
}

/** Whether a task may be registered under `name`. Names of other people's tasks only have to be text. */
export function isTaskName(name: unknown): name is string {
  return typeof name === 'string' && /^[\w.:-]{1,255}$/.test(name)
}

/**
 * The headers of protocol v2 as what they are. Only `task` and `id` have to be there; every other header that Celery
 * knows may be missing or `null`, and otherwise has its type. Unknown headers are anything.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID`, with the header in `field`.
 */
export function checkTaskHeaders(headers: Readonly<Record<string, unknown>>): TaskHeaders {
  for (const [name, check] of REQUIRED) refuseUnless(check, headers, name)
  for (const [name, check] of OPTIONAL) {
    const value = headers[name]
    if (value !== undefined && value !== null) refuseUnless(check, headers, name)
  }
  return headers as TaskHeaders
}

interface Check {
  readonly expected: string
  readonly passes: (value: unknown) => boolean
}

function refuseUnless(check: Check, headers: Readonly<Record<string, unknown>>, name: string): void {
  const value = headers[name]
  if (check.passes(value)) return
  throw invalidMessage(headers, `headers.${name}`, `is ${kindOf(value)}, expected ${check.expected}`)
}

function isSeconds(value: unknown): boolean {
  return value === null || (Number.isFinite(value) && (value as number) >= 0)
}

/** Of the headers of most messages, one for all of them. */
export const NO_TIME_LIMITS: readonly [null, null] = Object.freeze([null, null])
export const NO_STAMPS: Readonly<Record<string, never>> = Object.freeze({})

/** Names and ids of a stranger's task are any text, but no more of it than this. */
export const MAX_NAME_LENGTH = 1024
const NAME: Check = {
  expected: `a string of 1 to ${MAX_NAME_LENGTH} characters`,
  passes: (value) => typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH,
}
const TEXT: Check = { expected: 'a string or null', passes: (value) => typeof value === 'string' }
const COUNT: Check = {
  expected: 'a whole number or null',
  passes: (value) => Number.isSafeInteger(value),
}
const FLAG: Check = { expected: 'true, false or null', passes: (value) => typeof value === 'boolean' }
const DATE: Check = {
  expected: 'an ISO 8601 date as a string, or null',
  passes: (value) => typeof value === 'string' && fromWireDate(value) !== null,
}
const LIMITS: Check = {
  expected: '[hard, soft] in seconds, each a number or null',
  passes: (value) => Array.isArray(value) && value.length === 2 && value.every(isSeconds),
}

const REQUIRED: readonly (readonly [string, Check])[] = [
  ['task', NAME],
  ['id', NAME],
]
const OPTIONAL: readonly (readonly [string, Check])[] = [
  ['eta', DATE],
  ['expires', DATE],
  ['retries', COUNT],
  ['timelimit', LIMITS],
  ['root_id', TEXT],
  ['parent_id', TEXT],
  ['group', TEXT],
  ['group_index', COUNT],
  ['shadow', TEXT],
  ['origin', TEXT],
  ['lang', TEXT],
  ['ignore_result', FLAG],
  ['compression', TEXT],
]
