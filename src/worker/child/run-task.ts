/** One run of a task inside a child: decode, bind, call, encode. Everything a payload can break, breaks here. */
import type { AppInternals } from '../../app/internals.ts'
import { CaromError, isCaromError } from '../../errors.ts'
import { type CurrentTask, currentContext, runInContext } from '../../job/context.ts'
import type { TaskHeaders } from '../../message/message.ts'
import { type Embed, readTaskBody, type TaskBody } from '../../message/task-message.ts'
import { encodeWireJson, UnencodableError } from '../../message/wire-json.ts'
import type { RunOrder } from '../executor.ts'
import { UNRUN } from './unrun.ts'

export async function runTask(app: AppInternals, order: RunOrder): Promise<Uint8Array> {
  const headers = order.headers as TaskHeaders
  const task = app.tasks.get(headers.task)
  if (task === undefined) {
    const text = `No task "${headers.task}" is registered in the app "${app.name}"`
    throw new CaromError('CAROM_TASK_UNKNOWN', text, { task: headers.task })
  }
  const { args, kwargs } = readArguments(app, order)
  const value = await runInContext(taskContext(headers, order), () => task.run(args, kwargs))
  return encodeResult(headers, value)
}

/** What is refused here was never run: the error says so, and the message is set aside (`verdict.ts`). */
function readArguments(app: AppInternals, { headers, contentType, contentEncoding, body }: RunOrder): TaskBody {
  try {
    const message = { headers: headers as TaskHeaders, properties: {}, contentType, contentEncoding, body }
    const read = readTaskBody(message, app.format.readOptions())
    refuseEmbed(message.headers, read.embed)
    return read
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

/** Links, chains and chords have to be followed once the task is done; running it without would lose them in silence. */
function refuseEmbed(headers: TaskHeaders, embed: Embed): void {
  for (const [part, calls] of Object.entries(embed)) {
    if (calls === null || calls === undefined || (Array.isArray(calls) && calls.length === 0)) continue
    const text = `The message of task "${headers.task}" carries ${part}, which this worker does not follow: nothing was run`
    throw new CaromError('CAROM_MESSAGE_INVALID', text, { taskId: headers.id })
  }
}
