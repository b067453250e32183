/** From a stored failure to the error that the waiting side gets: the remote error as far as it is known. */
import {
  CaromError,
  type CaromErrorCode,
  type ErrorFacts,
  MemoryLimitExceeded,
  SoftTimeLimitExceeded,
  TimeLimitExceeded,
  WorkerLostError,
} from '../errors.ts'
import { decodeFailure, type RemoteFailure } from '../message/failure-meta.ts'
import { decodeWireJson, MalformedJsonError } from '../message/wire-json.ts'
import type { ResultMeta } from './meta.ts'

/**
 * A task that failed, seen by the one who waits for it. `name`, `message`, `stack` and `cause` are those of the error
 * that the task threw, the stack with the place that waited behind it: `error.name === 'OutOfStock'` recognises an error
 * class of the task's own, in TypeScript or Python. A Python traceback is the stack.
 *
 * `code` is `CAROM_TASK_FAILED`, or says why the task could not do its work: `CAROM_ARGUMENTS_INVALID`,
 * `CAROM_RESULT_UNENCODABLE`, ...; for Python, `CAROM_TASK_UNKNOWN` of a `NotRegistered`, and so on.
 */
export class TaskError extends CaromError {
  declare readonly taskId: string
  /** The task's name; `null` for a handle made from an id alone. */
  declare readonly task: string | null
  /** The `code` that the thrown error had (`ENOENT`, ...). */
  declare readonly remoteCode: string | null
  /** The Python module of the error's class, or `js.errors`. */
  declare readonly remoteModule: string | null
  /**
   * Further fields of the thrown error that were plain values (`errno`, `path`, `status`, ...). Of a Python error it holds
   * `args`, where they are not just the message.
   */
  declare readonly facts: Readonly<Record<string, unknown>>

  constructor(code: CaromErrorCode, message: string, facts?: ErrorFacts) {
    super(code, message, facts)
    this.name = 'TaskError'
  }
}

/** The error for a stored `FAILURE` or `REVOKED`. Its stack ends with the place that called this. */
export function toTaskError(meta: ResultMeta, task: string | null): CaromError {
  const failure = decodeFailure(resultOf(meta))
  const facts = { taskId: meta.taskId, task, ...(failure.cause !== null && { cause: toCause(failure.cause) }) }
  if (meta.status === 'REVOKED' && failure.message === 'expired') {
    const text = `Task ${title(meta.taskId, task)} had not started when its time was over, and was given up`
    return new CaromError('CAROM_TASK_EXPIRED', text, facts)
  }
  const code = meta.status === 'REVOKED' ? 'CAROM_TASK_REVOKED' : codeOf(failure)
  const error = errorOf(code, failure.message, {
    ...facts,
    remoteCode: failure.code,
    remoteModule: failure.module,
    facts: failure.facts,
  })
  error.name = failure.name
  return withRemoteStack(error, failure, meta)
}

/** The stored value, decoded. @throws CaromError `CAROM_MESSAGE_INVALID` when somebody stored what is no JSON. */
export function resultOf(meta: ResultMeta): unknown {
  try {
    return decodeWireJson(UTF8.decode(meta.result))
  } catch (cause) {
    if (!(cause instanceof MalformedJsonError || cause instanceof TypeError)) throw cause
    throw new CaromError(
      'CAROM_MESSAGE_INVALID',
      `The stored result of task ${meta.taskId} is not JSON: ${cause.message}`,
      {
        taskId: meta.taskId,
        cause,
      },
    )
  }
}

/** JSON of a stranger, decoded; `null` for what is none. */
export function jsonOf(text: string): unknown {
  try {
    return decodeWireJson(text)
  } catch {
    return null
  }
}

// Only what says that the task never ran, or that its result was lost, whoever threw it: an error of the task's own
// dealings with Carom (a result that it waited for in vain) must not look like one of the waiting side.
function codeOf({ code, name, module, stack }: RemoteFailure): CaromErrorCode {
  // An error of Celery's own has neither. One of ours that has its name may be a class of the user's.
  const isPythons = stack === null && code === null
  const told = isPythons ? CELERY_FATES.get(`${module}.${name}`) : FATES.find((fate) => fate === code)
  return told ?? 'CAROM_TASK_FAILED'
}

function errorOf(code: CaromErrorCode, message: string, facts: ErrorFacts): CaromError {
  switch (code) {
    case 'CAROM_WORKER_LOST':
      return new WorkerLostError(message, facts)
    case 'CAROM_TIME_LIMIT':
      return new TimeLimitExceeded(message, facts)
    case 'CAROM_SOFT_TIME_LIMIT':
      return new SoftTimeLimitExceeded(message, facts)
    case 'CAROM_MEMORY_LIMIT':
      return new MemoryLimitExceeded(message, facts)
    default:
      return new TaskError(code, message, facts)
  }
}

function toCause(failure: RemoteFailure): Error {
  const cause = failure.cause === null ? undefined : { cause: toCause(failure.cause) }
  const error = new Error(failure.message, cause)
  const { name, code, facts } = failure
  Object.assign(error, code !== null && { code }, Object.keys(facts).length > 0 && { facts })
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  error.stack = headed(failure, failure.stack ?? '')
  return error
}

function withRemoteStack<T extends CaromError>(error: T, failure: RemoteFailure, meta: ResultMeta): T {
  // From whoever asked on.
  Error.captureStackTrace(error, toTaskError)
  const local = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line))
  const remote = headed(failure, failure.stack ?? meta.traceback ?? '')
  error.stack = [remote.trimEnd(), '    -- in another process; waited for here --', ...local].join('\n')
  return error
}

/** JavaScript's stacks begin with the error's name and message, Python's tracebacks end with them. */
function headed({ name, message }: RemoteFailure, stack: string): string {
  if (stack === '') return `${name}: ${message}`
  return stack.startsWith('Traceback ') ? `${name}: ${message}\n${stack}` : stack
}

function title(id: string, task: string | null): string {
  return task === null ? id : `"${task}" (${id})`
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })
const FATES: readonly CaromErrorCode[] = [
  'CAROM_ARGUMENTS_INVALID',
  'CAROM_ARGUMENTS_TOO_LARGE',
  'CAROM_KWARGS_REFUSED',
  'CAROM_MEMORY_LIMIT',
  'CAROM_MESSAGE_INVALID',
  'CAROM_RESULT_TOO_LARGE',
  'CAROM_RESULT_UNENCODABLE',
  'CAROM_SOFT_TIME_LIMIT',
  'CAROM_TASK_EXPIRED',
  'CAROM_TASK_UNKNOWN',
  'CAROM_TIME_LIMIT',
  'CAROM_WORKER_LOST',
]
/** By module and class. The others of Celery's own (`MaxRetriesExceededError`, `ChordError`, ...) say what a task did. */
const CELERY_FATES: ReadonlyMap<string, CaromErrorCode> = new Map([
  ['celery.exceptions.NotRegistered', 'CAROM_TASK_UNKNOWN'],
  ['celery.exceptions.TaskRevokedError', 'CAROM_TASK_REVOKED'],
  ['billiard.exceptions.SoftTimeLimitExceeded', 'CAROM_SOFT_TIME_LIMIT'],
  ['billiard.exceptions.TimeLimitExceeded', 'CAROM_TIME_LIMIT'],
  ['billiard.exceptions.WorkerLostError', 'CAROM_WORKER_LOST'],
])
