/** From calls to messages: defaults filled in, arguments checked and encoded, published in one step. */
import { randomUUID } from 'node:crypto'
import type { Outgoing } from '../brokers/broker.ts'
import type { Call } from '../canvas/call.ts'
import type { Sender } from '../canvas/sender.ts'
import { CaromError } from '../errors.ts'
import { currentContext } from '../job/context.ts'
import { SigningError } from '../message/certificates.ts'
import type { Message } from '../message/message.ts'
import { buildTaskMessage, type TaskCall } from '../message/task-message.ts'
import { UnencodableError } from '../message/wire-json.ts'
import { BodyTooLargeError, type Writing } from '../message/write-body.ts'
import type { AsyncResult } from '../results/async-result.ts'
import type { SentTask } from '../results/result-wait.ts'
import { bindArguments, validateInput } from './arguments.ts'
import type { TaskDefinition } from './definition.ts'
import type { WireFormat } from './wire-format.ts'

/** What sending needs of the app. */
export interface Outlet {
  readonly defaultQueue: string
  readonly format: WireFormat
  definition(task: string): TaskDefinition
  /** Runs `work` unless the app is closed, which waits for it. */
  during<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when every message is confirmed: all of them or none. */
  publish(messages: readonly Outgoing[]): Promise<void>
  result(sent: SentTask): AsyncResult
}

export class CallSender implements Sender<AsyncResult> {
  readonly #outlet: Outlet

  constructor(outlet: Outlet) {
    this.#outlet = outlet
  }

  send(calls: readonly Call[]): Promise<AsyncResult[]> {
    return this.#outlet.during(async () => {
      const sending = { nowMs: Date.now(), ...ancestry() }
      // All are encoded before anything is awaited: the caller may change its objects as soon as it has them back.
      const prepared = calls.map((call) => this.#prepare(call, sending))
      await validateInputs(prepared)
      if (prepared.length > 0) await this.#outlet.publish(prepared.map(({ outgoing }) => outgoing))
      return prepared.map(({ sent }) => this.#outlet.result(sent))
    })
  }

  #prepare(call: Call, sending: Sending): Prepared {
    const definition = this.#outlet.definition(call.task)
    if (!definition.remote) bindArguments(definition, call.args, call.kwargs)
    const { settings } = definition
    const { options, task } = call
    const id = options.taskId ?? randomUUID()
    const queue = options.queue ?? settings.queue ?? this.#outlet.defaultQueue
    const writing = this.#outlet.format.writing(options, settings)
    const message = encode(toTaskCall(call, id, definition, sending), sending.nowMs, writing)
    const ignored = options.ignoreResult ?? settings.ignoreResult
    return { definition, call, outgoing: { queue, message }, sent: { id, task, queue, ignored } }
  }
}

interface Prepared {
  readonly definition: TaskDefinition
  readonly call: Call
  readonly outgoing: Outgoing
  readonly sent: SentTask
}

/** What the calls that are sent together have in common. */
interface Sending extends Pick<TaskCall, 'rootId' | 'parentId'> {
  readonly nowMs: number
}

async function validateInputs(prepared: readonly Prepared[]): Promise<void> {
  const validating: Promise<unknown>[] = []
  for (const { definition, call } of prepared) {
    const { name, schema } = definition
    if (schema !== null) validating.push(validateInput(name, schema, call.kwargs))
  }
  await Promise.all(validating)
}

function toTaskCall(call: Call, id: string, { settings, remote }: TaskDefinition, sending: Sending): TaskCall {
  const { countdownMs, eta, expiresMs, expires, timeLimitMs, softTimeLimitMs } = call.options
  const { priority, headers, ignoreResult } = call.options
  const { nowMs, rootId, parentId } = sending
  return {
    task: call.task,
    id,
    args: trimmed(call.task, call.args),
    kwargs: call.kwargs,
    etaMs: countdownMs === undefined ? eta?.getTime() : Math.round(nowMs + countdownMs),
    expiresAtMs: expiresMs === undefined ? expires?.getTime() : Math.round(nowMs + expiresMs),
    rootId,
    parentId,
    priority: priority ?? settings.priority ?? undefined,
    headers,
    timeLimits: [toSeconds(timeLimitMs), toSeconds(softTimeLimitMs)],
    // A remote task has a setting of its own, which only an explicit word overrules.
    ignoreResult: ignoreResult ?? (remote && !settings.ignoreResult ? undefined : settings.ignoreResult),
  }
}

function toSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000
}

/** The task that sends, where one does. */
function ancestry(): Pick<TaskCall, 'rootId' | 'parentId'> {
  const context = currentContext()
  if (context === undefined || !('attempt' in context)) return {}
  const root = context.headers.root_id
  return { rootId: typeof root === 'string' ? root : context.id, parentId: context.id }
}

/** Without what was left out at the end; an earlier gap would arrive as `null`, which defaults do not fill. */
function trimmed(task: string, args: readonly unknown[]): readonly unknown[] {
  const given = [...args]
  while (given.length > 0 && given.at(-1) === undefined) given.pop()
  const gap = given.indexOf(undefined)
  if (gap === -1) return given
  throw unencodable(task, `args[${gap}]`, 'it is undefined before other arguments and would arrive as null: send null')
}

function encode(call: TaskCall, nowMs: number, writing: Writing): Message {
  try {
    return buildTaskMessage(call, nowMs, writing)
  } catch (error) {
    if (error instanceof UnencodableError) throw unencodable(call.task, error.path, error.reason, error)
    if (error instanceof BodyTooLargeError) throw tooLarge(call.task, error, writing.maxBytes)
    if (error instanceof SigningError)
      throw new CaromError('CAROM_SECURITY_UNUSABLE', `Cannot send task "${call.task}": ${error.reason}`, {
        task: call.task,
      })
    throw error
  }
}

function tooLarge(task: string, { sizeBytes, maxBytes }: BodyTooLargeError, maxBodyBytes: number): CaromError {
  const whose = maxBytes === maxBodyBytes ? 'maxBodyBytes allows' : 'are read of YAML'
  return new CaromError(
    'CAROM_ARGUMENTS_TOO_LARGE',
    `The arguments of task "${task}" take ${sizeBytes} bytes, more than the ${maxBytes} that ${whose}: ` +
      'send where the data is, not the data',
    { task, sizeBytes, maxBodyBytes: maxBytes },
  )
}

function unencodable(task: string, path: string, reason: string, cause?: UnencodableError): CaromError {
  return new CaromError('CAROM_ARGUMENTS_UNENCODABLE', `Cannot send task "${task}": look at ${path}, ${reason}`, {
    task,
    path,
    ...(cause !== undefined && { cause }),
  })
}
