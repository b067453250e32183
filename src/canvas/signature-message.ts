/** The message of one plain signature: its options by Celery's names, as headers, properties and embed. */
import { fromWireDate } from '../message/dates.ts'
import { invalidMessage, isJsonObject, type MessageNames, quoted } from '../message/invalid-message.ts'
import type { Message } from '../message/message.ts'
import { whyNoQueue } from '../message/queue-name.ts'
import { buildTaskMessage, isReservedHeader, type TaskCall } from '../message/task-message.ts'
import { UnencodableError } from '../message/wire-json.ts'
import type { Writing } from '../message/write-body.ts'
import { listOf } from './links.ts'
import { type Options, stampNames, textOption, type WireSignature } from './wire-signature.ts'

export interface AddressedMessage {
  readonly queue: string
  readonly message: Message
}

export interface Ancestry {
  readonly rootId: string
  readonly parentId: string | null
  /** The stamps of the task before it, which go on with the workflow; a signature's own win. */
  readonly stamps: Stamps
}

export type Stamps = Readonly<Record<string, unknown>>

/** What is known of the tasks that may follow. */
export interface TaskKnowledge {
  /** Where a task goes that says nothing else. */
  queueOf(task: string): string
  priorityOf(task: string): number | undefined
  ignoresResult(task: string): boolean | undefined
  /** How its message is written. @throws TypeError, CaromError for what this app cannot write */
  writingOf(task: string, serializer: string | undefined, compression: string | undefined): Writing
}

/** @throws CaromError `CAROM_MESSAGE_INVALID` for options that no message can carry. */
export function toMessage(
  signature: WireSignature,
  id: string,
  ancestry: Ancestry,
  knowledge: TaskKnowledge,
  nowMs: number,
): AddressedMessage {
  const { task, options } = signature
  const queue = queueOf(options, { task, id }) ?? knowledge.queueOf(task)
  const call: TaskCall = {
    task,
    id,
    args: signature.args,
    kwargs: signature.kwargs,
    ...ancestry,
    ...timesOf(options, nowMs),
    ...placeOf(options),
    retries: countOf(options.retries) ?? 0,
    priority: Math.min(255, countOf(options.priority) ?? knowledge.priorityOf(task) ?? 0),
    headers: customHeaders(options.headers),
    ignoreResult: typeof options.ignore_result === 'boolean' ? options.ignore_result : knowledge.ignoresResult(task),
    shadow: textOption(options, 'shadow'),
    replyTo: textOption(options, 'reply_to'),
    timeLimits: [secondsOf(options.time_limit), secondsOf(options.soft_time_limit)],
    stamps: { ...ancestry.stamps, ...stampsOf(options) },
    replacedTaskNesting: countOf(options.replaced_task_nesting) ?? 0,
    embed: {
      callbacks: linksOf(options.link),
      errbacks: linksOf(options.link_error),
      chain: Array.isArray(options.chain) ? options.chain : null,
      chord: options.chord ?? null,
    },
  }
  return { queue, message: build(call, nowMs, () => writingOf(knowledge, task, options)) }
}

/**
 * By Celery's rule an exchange with a routing key goes before the queue, and either of the two alone says nothing.
 * Looked at here, before anything has run: a broker would refuse it with the outcome of the task before it.
 */
function queueOf(options: Options, names: MessageNames): string | undefined {
  const queue = textOption(options, 'queue')
  const exchange = textOption(options, 'exchange')
  const routingKey = textOption(options, 'routing_key')
  const isOfQueue = exchange === queue && routingKey === queue
  if (exchange !== undefined && routingKey !== undefined && !isOfQueue) {
    const whereto = `${quoted(exchange)}, with the routing key ${quoted(routingKey)}`
    const problem = `is ${whereto}: a Carom worker publishes to queues, name one`
    throw invalidMessage(names, 'options.exchange', problem)
  }
  const problem = queue === undefined ? null : whyNoQueue(queue)
  if (problem !== null) throw invalidMessage(names, 'options.queue', problem)
  return queue
}

function stampsOf(options: Options): Stamps {
  return Object.fromEntries(stampNames(options).map((name) => [name, options[name] ?? null]))
}

function writingOf(knowledge: TaskKnowledge, task: string, options: Options): Writing {
  return knowledge.writingOf(task, textOption(options, 'serializer'), textOption(options, 'compression'))
}

function build(call: TaskCall, nowMs: number, writing: () => Writing): Message {
  try {
    return buildTaskMessage(call, nowMs, writing())
  } catch (cause) {
    const why = cause instanceof UnencodableError ? `${cause.path}, ${cause.reason}` : (cause as Error).message
    throw invalidMessage(call, 'signature', `cannot be sent: ${why}`, { cause })
  }
}

function timesOf({ countdown, eta, expires }: Options, nowMs: number): Pick<TaskCall, 'etaMs' | 'expiresAtMs'> {
  const delay = secondsOf(countdown)
  return {
    etaMs: delay === null ? dateOf(eta) : Math.round(nowMs + delay * 1000),
    // Celery's rule: a number is seconds from now, and may lie in the past.
    expiresAtMs: typeof expires === 'number' ? Math.round(nowMs + expires * 1000) : dateOf(expires),
  }
}

function placeOf(options: Options): Pick<TaskCall, 'group' | 'groupIndex'> {
  return { group: textOption(options, 'group_id') ?? null, groupIndex: countOf(options.group_index) ?? null }
}

function customHeaders(headers: unknown): Record<string, unknown> {
  if (!isJsonObject(headers)) return {}
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isReservedHeader(name)))
}

function dateOf(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime()
  return (typeof value === 'string' ? fromWireDate(value) : null) ?? undefined
}

function secondsOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function linksOf(links: unknown): readonly unknown[] | null {
  const list = listOf(links)
  return list.length === 0 ? null : list
}
