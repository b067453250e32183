/**
 * Celery's first protocol: no headers, one object as body that holds everything. Also the hybrid of both: headers as
 * in protocol v2, over a body as in v1. Both are read and never written.
 */
import { fromWireDate, hasOffset, toWireDate } from './dates.ts'
import { checkTaskHeaders } from './headers.ts'
import type { Message, TaskHeaders } from './message.ts'
import { JSON_CONTENT_TYPE } from './serializers.ts'
import { checkTaskBody, type PartNames, type TaskBody } from './task-body.ts'
import { encodeWireJson } from './wire-json.ts'

export interface Task extends TaskBody {
  readonly headers: TaskHeaders
}

/** Whether headers are those of protocol v2. Without `task` in them only the body tells what the message is. */
export function isProtocolV2(headers: Readonly<Record<string, unknown>>): boolean {
  return Object.hasOwn(headers, 'task')
}

/**
 * A protocol v1 body as protocol v2 has it. Headers of the message, if it has any, win over the body's fields: that
 * is the hybrid.
 *
 * A date without an offset is UTC, unless the body says `utc: false`. Then it is its sender's local time; no zone is
 * named, so this machine's is taken.
 *
 * @throws CaromError `CAROM_MESSAGE_INVALID`, with the part in `field`.
 */
export function fromProtocolV1(
  messageHeaders: Readonly<Record<string, unknown>>,
  body: Readonly<Record<string, unknown>>,
): Task {
  const headers = checkTaskHeaders({ ...headersOf(body), ...messageHeaders })
  const parts = {
    // Both may be missing, and are empty then.
    args: body.args ?? [],
    kwargs: body.kwargs ?? {},
    callbacks: body.callbacks,
    errbacks: body.errbacks,
    // A chain of protocol v1 is callbacks within callbacks; only the hybrid has this.
    chain: body.chain,
    chord: body.chord,
  }
  return { headers, ...checkTaskBody(headers, parts, BODY_FIELDS) }
}

/** The same task as protocol v2 writes it. */
export function toProtocolV2({ headers, args, kwargs, embed }: Task): Omit<Message, 'properties'> {
  // What the body was compressed with is no news of the new one.
  const { compression, ...kept } = headers
  const body = Buffer.from(encodeWireJson([args, kwargs, embed], { root: 'body' }))
  return { headers: kept as TaskHeaders, contentType: JSON_CONTENT_TYPE, contentEncoding: 'utf-8', body }
}

function headersOf(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  for (const name of CARRIED) if (body[name] !== undefined) headers[name] = body[name]
  headers.group = body.taskset ?? body.group ?? null
  headers.eta = inUtc(body.eta, body.utc)
  headers.expires = inUtc(body.expires, body.utc)
  return headers
}

function inUtc(date: unknown, utc: unknown): unknown {
  if (utc !== false || typeof date !== 'string') return date ?? null
  const epochMs = fromWireDate(date, 'local')
  return epochMs === null || hasOffset(date) ? date : toWireDate(epochMs)
}

const CARRIED = [
  'lang',
  'task',
  'id',
  'root_id',
  'parent_id',
  'group_index',
  'shadow',
  'retries',
  'timelimit',
  'argsrepr',
  'kwargsrepr',
  'origin',
]

const BODY_FIELDS: PartNames = {
  args: 'body.args',
  kwargs: 'body.kwargs',
  callbacks: 'body.callbacks',
  errbacks: 'body.errbacks',
  chain: 'body.chain',
  chord: 'body.chord',
}
