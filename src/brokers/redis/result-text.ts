/** A result as Celery's Redis backend keeps it: one JSON object, its status first. */

import { fromWireDate, isWireDate, toWireDate } from '../../message/dates.ts'
import { encodeFailure, type FailureToEncode } from '../../message/failure-meta.ts'
import { isJsonObject } from '../../message/invalid-message.ts'
import { decodeWireJson, encodeWireJson } from '../../message/wire-json.ts'
import { READY_STATES, type ResultMeta, type StoredCall, type TaskState } from '../../results/meta.ts'
import { toFailure } from '../../support/failure.ts'

/**
 * The text to store. A child's result stands in it as the child wrote it, once it is known to be one JSON value: what
 * is none is stored as a failure that says so, since whoever waits must hear of it.
 */
export function resultText(meta: ResultMeta): string {
  const value = valueText(meta.result)
  if (value !== null) return textOf(meta, meta.status, value)
  const message = `The result of task ${meta.taskId} is not JSON, and was not stored`
  const failure = encodeFailure(failureOf(message, 'CAROM_RESULT_UNENCODABLE'))
  return textOf(meta, meta.status === 'SUCCESS' ? 'FAILURE' : meta.status, encodeWireJson(failure))
}

/** What is stored of a task. Never throws: what is no meta is a failure that says so, for whoever waits. */
export function readResult(taskId: string, bytes: Uint8Array): ResultMeta {
  try {
    const meta = decodeWireJson(UTF8.decode(bytes))
    if (isJsonObject(meta) && typeof meta.status === 'string') return toMeta(taskId, meta.status, meta)
    return unreadable(taskId, 'it has no status')
  } catch (error) {
    return unreadable(taskId, toFailure(error).message)
  }
}

function textOf(meta: ResultMeta, status: TaskState, value: string): string {
  const { traceback, children, doneAtMs, groupId, parentId, taskId, call } = meta
  const rest = encodeWireJson({
    traceback,
    // Result tuples: a task's id, its parent's tuple; and the members of a group.
    children: children.map((id) => [[id, null], null]),
    date_done: doneAtMs !== null && isWireDate(doneAtMs) ? toWireDate(doneAtMs) : null,
    ...(groupId === null ? {} : { group_id: groupId }),
    ...(parentId === null ? {} : { parent_id: parentId }),
    ...(call === undefined ? {} : { ...call, args: jsonOf(call.args), kwargs: jsonOf(call.kwargs) }),
    task_id: taskId,
  })
  return `{"status": ${JSON.stringify(status)}, "result": ${value}, ${rest.slice(1)}`
}

/** `null` for what is not one JSON value in UTF-8; nothing at all is JSON's null. */
export function valueText(result: Uint8Array): string | null {
  if (result.byteLength === 0) return 'null'
  try {
    const text = UTF8.decode(result)
    decodeWireJson(text)
    return text
  } catch {
    return null
  }
}

function toMeta(taskId: string, status: string, meta: Record<string, unknown>): ResultMeta {
  const state = STATES.find((known) => known === status) ?? 'STARTED'
  const { result, traceback, children, date_done: done, group_id: group, parent_id: parent } = meta
  const hasNone = (result === undefined || result === null) && !READY_STATES.includes(state as never)
  return {
    taskId,
    // A state of the application's own is one of a task that has not ended.
    status: state,
    result: hasNone ? new Uint8Array(0) : Buffer.from(encodeWireJson(result)),
    traceback: textOrNull(traceback),
    children: Array.isArray(children) ? children.flatMap(idsOf).slice(0, MAX_CHILDREN) : [],
    parentId: textOrNull(parent),
    groupId: textOrNull(group),
    doneAtMs: typeof done === 'string' ? fromWireDate(done) : done instanceof Date ? done.getTime() : null,
    ...('args' in meta || 'worker' in meta ? { call: toCall(meta) } : {}),
  }
}

function toCall({ name, args, kwargs, worker, retries, queue }: Record<string, unknown>): StoredCall {
  return {
    name: textOrNull(name),
    args: Array.isArray(args) ? encodeWireJson(args) : null,
    kwargs: isJsonObject(kwargs) ? encodeWireJson(kwargs) : null,
    worker: textOrNull(worker),
    retries: typeof retries === 'number' ? retries : null,
    queue: textOrNull(queue),
  }
}

/** `null` for what is no JSON. */
function jsonOf(text: string | null): unknown {
  try {
    return text === null ? null : decodeWireJson(text)
  } catch {
    return null
  }
}

/** The ids of a result tuple: `[[id, parent], null]`, or of a group's members `[[id, parent], [tuple, ...]]`. */
function idsOf(tuple: unknown): string[] {
  if (!Array.isArray(tuple)) return typeof tuple === 'string' ? [tuple] : []
  const [own, members] = tuple
  if (Array.isArray(members)) return members.flatMap(idsOf)
  const id = Array.isArray(own) ? own[0] : own
  return typeof id === 'string' ? [id] : []
}

function unreadable(taskId: string, why: string): ResultMeta {
  const message = `What is stored as the result of task ${taskId} cannot be read: ${why}`
  const result = Buffer.from(encodeWireJson(encodeFailure(failureOf(message, 'CAROM_MESSAGE_INVALID'))))
  const nothing = { traceback: null, children: [], parentId: null, groupId: null, doneAtMs: null }
  return { taskId, status: 'FAILURE', result, ...nothing }
}

function failureOf(message: string, code: string): FailureToEncode {
  return { name: 'CaromError', message, stack: null, code }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const STATES: readonly TaskState[] = [...READY_STATES, 'PENDING', 'RECEIVED', 'STARTED', 'REJECTED', 'RETRY']
const MAX_CHILDREN = 10_000
