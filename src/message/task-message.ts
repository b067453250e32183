import { decodeBody, type ReadOptions } from './body.ts'
import { toWireDate } from './dates.ts'
import { checkTaskHeaders, MAX_NAME_LENGTH, NO_STAMPS, NO_TIME_LIMITS, type UncheckedMessage } from './headers.ts'
import { invalidMessage, isJsonObject, kindOf } from './invalid-message.ts'
import type { Message, MessageProperties, TaskHeaders } from './message.ts'
import { fromProtocolV1, isProtocolV2, type Task } from './protocol-v1.ts'
import { checkTaskBody, type PartNames, type TaskBody, wrongShape } from './task-body.ts'
import { decodeWireJson, encodeWireJson } from './wire-json.ts'
import { PLAIN_JSON, type Writing, writeBody } from './write-body.ts'

export type { Task } from './protocol-v1.ts'
export type { Embed, SignatureObject, TaskBody } from './task-body.ts'

/** One call of a task. */
export interface TaskCall {
  readonly task: string
  readonly id: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Not before this moment. */
  readonly etaMs?: number | undefined
  /** Not after this moment. */
  readonly expiresAtMs?: number | undefined
  /** Attempts so far. @default 0 */
  readonly retries?: number | undefined
  /** 0 to 255. Which end is served first is the broker's. @default 0 */
  readonly priority?: number | undefined
  /** The first task of the workflow. @default the task itself */
  readonly rootId?: string | undefined
  /** The task that sent this one. */
  readonly parentId?: string | null | undefined
  /** The caller's own headers: JSON data, under names that the protocol does not use. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  /** @default the task's own setting */
  readonly ignoreResult?: boolean | undefined
  /** A name to show instead of the task's. */
  readonly shadow?: string | undefined
  /** Queue for the result, where the result backend is one of messages. */
  readonly replyTo?: string | undefined
  /** The node that sends it. */
  readonly origin?: string | undefined
  /** The arguments as text for logs and monitors. Not made up here: arguments may be secrets. */
  readonly argsrepr?: string | undefined
  readonly kwargsrepr?: string | undefined
  /** The group it is a member of, and its number there. */
  readonly group?: string | null | undefined
  readonly groupIndex?: number | null | undefined
  /** Hard and soft limit in seconds. @default none of its own */
  readonly timeLimits?: readonly [number | null, number | null] | undefined
  readonly stamps?: Readonly<Record<string, unknown>> | undefined
  readonly replacedTaskNesting?: number | undefined
  /** What follows it, as signatures on the wire. @default nothing */
  readonly embed?: UncheckedEmbed | undefined
}

export type UncheckedEmbed = Readonly<Record<'callbacks' | 'errbacks' | 'chain' | 'chord', unknown>>

/**
 * The protocol v2 message of a call.
 *
 * @param writing how its body is written. @default JSON, neither compressed nor signed
 * @throws UnencodableError when `args`, `kwargs` or `headers` (so begins its `path`) are not JSON data, or not data that
 *   the serializer can carry.
 * @throws BodyTooLargeError, SigningError as `writeBody` does.
 * @throws TypeError, RangeError for a name, number or date that the protocol cannot carry.
 */
export function buildTaskMessage(call: TaskCall, nowMs: number = Date.now(), writing: Writing = PLAIN_JSON): Message {
  checkCall(call)
  const args = encodeWireJson(call.args, { root: 'args' })
  const kwargs = encodeWireJson(call.kwargs, { root: 'kwargs' })
  const embed = call.embed === undefined ? NOTHING_FOLLOWS : encodeWireJson(call.embed, { root: 'embed' })
  const { compression, contentType, contentEncoding, body } = writeBody(`[${args},${kwargs},${embed}]`, writing, nowMs)
  const headers = headersOf(call)
  if (compression !== null) headers.compression = compression
  return { headers, properties: propertiesOf(call, nowMs), contentType, contentEncoding, body }
}

/**
 * The arguments of a task message of protocol v2, or of the hybrid (see `protocol-v1.ts`).
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID`, with the part that is wrong in `field`.
 */
export function readTaskBody(message: Message, options?: ReadOptions): TaskBody {
  const { args, kwargs, embed } = readTask(message, options)
  return { args, kwargs, embed }
}

/**
 * Headers and arguments of a message of whatever protocol.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID`, with the part that is wrong in `field`.
 */
export function readTask(message: UncheckedMessage, options?: ReadOptions): Task {
  const { headers } = message
  const isV2 = isProtocolV2(headers)
  if (isV2) checkTaskHeaders(headers)
  const body = decodeBody(message, options)
  if (isV2 && Array.isArray(body)) return fromArray(headers as TaskHeaders, body)
  if (isJsonObject(body) && Object.hasOwn(body, isV2 ? 'args' : 'task')) return fromProtocolV1(headers, body)
  if (isV2) throw wrongShape(headers, 'body', body, '[args, kwargs, embed]')
  const problem = `is missing, and the body is ${kindOf(body)} without "task": this is no task message`
  throw invalidMessage(headers, 'headers.task', problem)
}

function fromArray(headers: TaskHeaders, body: readonly unknown[]): Task {
  if (body.length !== 3) throw wrongShape(headers, 'body', body, '[args, kwargs, embed]')
  const [args, kwargs, embed] = body
  if (!isJsonObject(embed)) throw wrongShape(headers, 'body[2] (embed)', embed, 'an object')
  const { callbacks, errbacks, chain, chord } = embed
  return { headers, ...checkTaskBody(headers, { args, kwargs, callbacks, errbacks, chain, chord }, BODY_FIELDS) }
}

// One literal, and nothing spread into it: objects put together from pieces would take as long as all the rest.
function headersOf(call: TaskCall): Written<TaskHeaders> {
  const { argsrepr, kwargsrepr, origin, stamps } = call
  // One array for all that have none: what does not differ is not written again (`fields-text.ts`).
  const [hard, soft] = call.timeLimits ?? NO_TIME_LIMITS
  const headers: Written<TaskHeaders> = {
    lang: 'js',
    task: call.task,
    id: call.id,
    shadow: call.shadow ?? null,
    eta: call.etaMs === undefined ? null : toWireDate(call.etaMs),
    expires: call.expiresAtMs === undefined ? null : toWireDate(call.expiresAtMs),
    group: call.group ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    timelimit: hard === null && soft === null ? NO_TIME_LIMITS : [hard, soft],
    root_id: call.rootId ?? call.id,
    parent_id: call.parentId ?? null,
    ignore_result: call.ignoreResult ?? null,
    replaced_task_nesting: call.replacedTaskNesting ?? 0,
    stamped_headers: null,
    stamps: NO_STAMPS,
  }
  if (argsrepr !== undefined) headers.argsrepr = argsrepr
  if (kwargsrepr !== undefined) headers.kwargsrepr = kwargsrepr
  if (origin !== undefined) headers.origin = origin
  if (stamps !== undefined && Object.keys(stamps).length > 0) {
    headers.stamped_headers = Object.keys(stamps)
    headers.stamps = decodeWireJson(encodeWireJson(stamps, { root: 'stamps' }))
  }
  return call.headers === undefined ? headers : { ...userHeaders(call.headers), ...headers }
}

/** Whether the protocol has a meaning of its own for a header of that name. */
export function isReservedHeader(name: string): boolean {
  return RESERVED.has(name)
}

function userHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  for (const name of Object.keys(headers)) {
    if (RESERVED.has(name)) throw new TypeError(`Cannot set the header "${name}": it belongs to the protocol`)
  }
  // A copy, of what will arrive: the caller may change its own object while the message waits.
  return decodeWireJson(encodeWireJson(headers, { root: 'headers' })) as Record<string, unknown>
}

function propertiesOf(call: TaskCall, nowMs: number): MessageProperties {
  const { expiresAtMs, replyTo } = call
  const properties: Written<MessageProperties> = {
    correlation_id: call.id,
    delivery_mode: 2,
    priority: call.priority ?? 0,
  }
  if (replyTo !== undefined) properties.reply_to = replyTo
  if (expiresAtMs !== undefined) properties.expiration = String(Math.max(0, Math.round(expiresAtMs - nowMs)))
  return properties
}

function checkCall(call: TaskCall): void {
  const { task, id, args, kwargs, retries = 0, priority = 0 } = call
  checkName('task', task)
  checkName('id', id)
  if (!Array.isArray(args)) throw new TypeError(`Cannot send task "${task}": args is ${kindOf(args)}, not an array`)
  if (!isJsonObject(kwargs))
    throw new TypeError(`Cannot send task "${task}": kwargs is ${kindOf(kwargs)}, not an object`)
  if (!Number.isSafeInteger(retries) || retries < 0) {
    throw new RangeError(`Cannot send task "${task}" with retries ${retries}: expected an integer >= 0`)
  }
  if (!Number.isInteger(priority) || priority < 0 || priority > 255) {
    throw new RangeError(`Cannot send task "${task}" with priority ${priority}: expected an integer from 0 to 255`)
  }
}

function checkName(field: string, value: unknown): void {
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH) return
  throw new TypeError(`Cannot send a task whose ${field} is not a string of 1 to ${MAX_NAME_LENGTH} characters`)
}

/** While it is put together. */
type Written<T> = { -readonly [Key in keyof T]: T[Key] }

const NOTHING_FOLLOWS = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}'
const BODY_FIELDS: PartNames = {
  args: 'body[0] (args)',
  kwargs: 'body[1] (kwargs)',
  callbacks: 'body[2].callbacks',
  errbacks: 'body[2].errbacks',
  chain: 'body[2].chain',
  chord: 'body[2].chord',
}
const RESERVED = new Set(
  (
    'lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin ' +
    'ignore_result replaced_task_nesting stamped_headers stamps compression redelivered meth'
  ).split(' '),
)
