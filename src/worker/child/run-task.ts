/** One run of a task inside a child: decode, bind, call, encode. Everything a payload can break, breaks here. */
import type { AppInternals } from '../../app/internals.ts'
import { afterFailure, checkEmbed, type FollowedTask, type FollowUps, isEmptyEmbed } from '../../canvas/follow-ups.ts'
import { CaromError, isCaromError } from '../../errors.ts'
import { type CurrentTask, currentContext, runInContext } from '../../job/context.ts'
import type { TaskHeaders } from '../../message/message.ts'
import { type Embed, readTaskBody } from '../../message/task-message.ts'
import { encodeWireJson, UnencodableError } from '../../message/wire-json.ts'
import { type Failure, toFailure } from '../../support/failure.ts'
import { isThenable } from '../../support/thenable.ts'
import type { FollowedUp, RunOrder } from '../orders.ts'
import { BUILTINS } from './builtins.ts'
import { tellCalledWith } from './called-with.ts'
import { Continued } from './continued.ts'
import { followedTask, followSuccess } from './follow.ts'
import { UNRUN } from './unrun.ts'

/** How a run has ended; the bare result, as JSON, where the message carries nothing that follows. */
export type SaidOfRun =
  | Uint8Array
  | { readonly result: Uint8Array; readonly followUps: FollowedUp }
  | { readonly failure: Failure; readonly followUps: FollowUps }
  /** It has to be done later: nothing is stored, `followUps` holds the message again. */
  | { readonly later: FollowUps }

/** At once where the task is: what waits for nothing costs the child no turn, and no write of its own. */
export function runTask(app: AppInternals, order: RunOrder): SaidOfRun | Promise<SaidOfRun> {
  const headers = order.headers as TaskHeaders
  const task = runnable(app, headers, order)
  const { args, kwargs, embed, followed } = readBody(app, headers, order)
  if (app.resultExtended) tellCalledWith(headers.id, args, kwargs)
  const call = () => runInContext(taskContext(headers, order), () => task(args, kwargs))
  if (followed !== null) return runFollowed(embed, followed, headers, call)
  const value = call()
  return isThenable(value) ? Promise.resolve(value).then((late) => ended(headers, late)) : ended(headers, value)
}

function ended(headers: TaskHeaders, value: unknown): SaidOfRun {
  return value instanceof Continued ? continued(headers, value) : encodeResult(headers, value)
}

async function runFollowed(
  embed: Embed,
  task: FollowedTask,
  headers: TaskHeaders,
  call: () => unknown,
): Promise<SaidOfRun> {
  try {
    const value = await call()
    const said = value instanceof Continued ? continued(headers, value) : null
    if (said !== null && 'later' in said) return said
    const result = said?.result ?? encodeResult(headers, value)
    const followUps = followSuccess(embed, task, result)
    if (said === null) return { result, followUps }
    return {
      result,
      followUps: { ...said.followUps, ...followUps, messages: [...said.followUps.messages, ...followUps.messages] },
    }
  } catch (error) {
    return { failure: toFailure(error), followUps: afterFailure(embed, task) }
  }
}

/** Of a built-in task, which may send more, or have to be done later. */
function continued(headers: TaskHeaders, { value, isLater, followUps }: Continued) {
  return isLater ? { later: followUps } : { result: encodeResult(headers, value), followUps }
}

function runnable(app: AppInternals, { task: name, id }: TaskHeaders, order: RunOrder) {
  const task = app.tasks.get(name)
  if (task !== undefined) return task.run
  const builtin = BUILTINS.get(name)
  if (builtin !== undefined)
    return (args: unknown[], kwargs: Record<string, unknown>) => builtin(app, args, kwargs, order)
  const text = `No task "${name}" is registered in the app "${app.name}"`
  throw new CaromError('CAROM_TASK_UNKNOWN', text, { task: name, taskId: id })
}

/** What is refused here was never run: the error says so, and the message is set aside (`verdict.ts`). */
function readBody(app: AppInternals, headers: TaskHeaders, { contentType, contentEncoding, body, queue }: RunOrder) {
  try {
    const message = { headers, properties: {}, contentType, contentEncoding, body }
    const read = readTaskBody(message, app.format.readOptions())
    const followed = isEmptyEmbed(read.embed) ? null : followedTask(app, headers, queue)
    // Before anything has run: a message whose links cannot be followed has no effects.
    if (followed !== null) checkEmbed(read.embed, followed)
    return { ...read, followed }
  } catch (error) {
    if (!isCaromError(error, 'CAROM_MESSAGE_INVALID')) throw error
    const { message, cause, field, taskId, task } = error
    throw new CaromError('CAROM_MESSAGE_INVALID', message, { cause, field, taskId, task, [UNRUN]: true })
  }
}

/** The job's context with what only a task knows. The signal is the job's, made when it is first asked for. */
function taskContext(headers: TaskHeaders, { queue, attempt }: RunOrder): CurrentTask {
  const job = currentContext()
  if (job === undefined) throw new TypeError('A task was run outside a job of the pool')
  return {
    id: headers.id,
    name: headers.task,
    queue,
    attempt,
    headers,
    retries: headers.retries ?? 0,
    redelivered: attempt > 1 || headers.redelivered === true,
    get signal() {
      return job.signal
    },
    progress: (value) => job.progress(value),
    checkDeadline: () => job.checkDeadline(),
  }
}

function encodeResult(headers: TaskHeaders, value: unknown): Uint8Array {
  try {
    return Buffer.from(encodeWireJson(value, { root: 'result' }))
  } catch (cause) {
    if (!(cause instanceof UnencodableError)) throw cause
    const text = `The result of task "${headers.task}" cannot be stored: ${cause.message}. Return JSON-class data`
    throw new CaromError('CAROM_RESULT_UNENCODABLE', text, { task: headers.task, taskId: headers.id, cause })
  }
}
