/** A result as a message to whoever sent the task: Celery's result backend `rpc://`. */
import { CaromError } from '../../errors.ts'
import { encodeFailure } from '../../message/failure-meta.ts'
import { isJsonObject } from '../../message/invalid-message.ts'
import { decodeWireJson, encodeWireJson } from '../../message/wire-json.ts'
import { isTaskState, type ResultMeta } from '../../results/meta.ts'
import { toFailure } from '../../support/failure.ts'
import type { Prepared } from './prepared.ts'

/** Nothing where the sender has said no place to reply to: it does not ask for the result. */
export function prepareReply(meta: ResultMeta, isPersistent: boolean): Prepared[] {
  const { reply } = meta
  if (reply === undefined || reply.to === '' || Buffer.byteLength(reply.to) > 255) return []
  const correlationId = Buffer.byteLength(reply.correlationId) > 255 ? meta.taskId : reply.correlationId
  const publication = {
    exchange: '',
    routingKey: reply.to,
    // The sender may be gone, and its queue with it: then nobody wants to know.
    mandatory: false,
    properties: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      deliveryMode: isPersistent ? 2 : 1,
      priority: 0,
      correlationId,
    },
    headers: {},
    body: bodyOf(meta),
  }
  return [{ publication, queue: null, dueMs: 0 }]
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` for what is no result. */
export function readReply(body: Buffer): ResultMeta {
  const fields = parse(body)
  const { task_id: taskId, status, result = null, traceback = null, children = null } = fields
  if (typeof taskId !== 'string' || !isTaskState(status)) throw invalid('it has no task_id, or a status nobody knows')
  const { parent_id: parentId, group_id: groupId } = fields
  return {
    taskId,
    status,
    result: Buffer.from(encodeWireJson(result)),
    traceback: typeof traceback === 'string' ? traceback : null,
    children: Array.isArray(children) ? children.flatMap(childId) : [],
    parentId: typeof parentId === 'string' ? parentId : null,
    groupId: typeof groupId === 'string' ? groupId : null,
    // Celery says it in no reply before 5.7: it is when the reply came.
    doneAtMs: Date.now(),
  }
}

/** Stands for a result that cannot be read, a Python worker's in another serializer say: whoever waits must hear of it. */
export function unreadableReply(taskId: string, error: unknown): ResultMeta {
  const { message } = toFailure(error)
  const failure = encodeFailure({ name: 'CaromError', message, stack: null, code: 'CAROM_MESSAGE_INVALID' })
  const nothing = { traceback: null, children: [], parentId: null, groupId: null }
  return { taskId, status: 'FAILURE', result: Buffer.from(encodeWireJson(failure)), ...nothing, doneAtMs: Date.now() }
}

/** The value is JSON already, as the child wrote it. */
function bodyOf({ taskId, status, result, traceback, children }: ResultMeta): Buffer {
  const tuples = children.map((id) => [[id, null], null])
  const head = `{"task_id": ${encodeWireJson(taskId)}, "status": ${encodeWireJson(status)}, "result": `
  const tail = `, "traceback": ${encodeWireJson(traceback)}, "children": ${encodeWireJson(tuples)}}`
  return Buffer.concat([Buffer.from(head), result.byteLength === 0 ? NULL_JSON : result, Buffer.from(tail)])
}

function parse(body: Buffer): Record<string, unknown> {
  let fields: unknown
  try {
    fields = decodeWireJson(body.toString())
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  if (!isJsonObject(fields)) throw invalid('it is no object')
  return fields
}

/** Of `[[id, parent], group members]`. */
function childId(tuple: unknown): string[] {
  const id: unknown = Array.isArray(tuple) && Array.isArray(tuple[0]) ? tuple[0][0] : null
  return typeof id === 'string' ? [id] : []
}

function invalid(why: string, cause?: unknown): CaromError {
  return new CaromError('CAROM_MESSAGE_INVALID', `A result that was sent back cannot be used: ${why}`, { cause })
}

const NULL_JSON = Buffer.from('null')
