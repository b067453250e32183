/** From a job's outcome to the value or the error its caller gets. All wording of failed jobs is here. */
import {
  CaromError,
  isCaromErrorCode,
  MemoryLimitExceeded,
  SoftTimeLimitExceeded,
  TimeLimitExceeded,
} from '../errors.ts'
import { type Failure, readFailure } from '../support/failure.ts'
import { describeDeath } from './parent/certificate.ts'
import type { Outcome } from './parent/state.ts'
import type { Payload } from './protocol/frame.ts'
import type { MapResult } from './protocol/messages.ts'
import { decodePayload } from './protocol/payload.ts'

export interface JobFacts {
  readonly id: number
  /** The function's export name. */
  readonly name: string
}

/** Settles a caller's promise. A result that cannot be decoded fails its own job and nothing else. */
export function deliver<R>(
  job: JobFacts,
  outcome: Outcome,
  resolve: (value: R) => void,
  reject: (error: Error) => void,
): void {
  if (outcome.type !== 'succeeded') return reject(toError(job, outcome))
  try {
    resolve(decodeResult(job, outcome.payload, 'The result'))
  } catch (error) {
    reject(error as CaromError)
  }
}

/** @throws CaromError `CAROM_RESULT_UNENCODABLE`. */
export function decodeResult<R>(job: JobFacts, payload: Payload, what: 'The result' | 'A value'): R {
  try {
    return decodePayload(payload) as R
  } catch (cause) {
    const text = `${what} of job ${job.id} (${job.name}) arrived in pieces that cannot be read`
    throw new CaromError('CAROM_RESULT_UNENCODABLE', text, { cause, jobId: job.id })
  }
}

/** @throws CaromError `CAROM_RESULT_UNENCODABLE` for what no child of ours would send as the result of a map. */
export function readMapResult(job: JobFacts, result: unknown): MapResult {
  const [results, failure] = Array.isArray(result) ? result : []
  if (Array.isArray(results)) return [results, failure]
  const text = `The result of job ${job.id} (${job.name}) is not that of a map`
  throw new CaromError('CAROM_RESULT_UNENCODABLE', text, { jobId: job.id })
}

export function toError(job: JobFacts, outcome: Exclude<Outcome, { readonly type: 'succeeded' }>): Error {
  const jobId = job.id
  switch (outcome.type) {
    case 'failed':
      return remoteError(readJobFailure(outcome.payload), job)
    case 'lost': {
      const { certificate } = outcome
      const text = `${describeDeath(certificate)} while it ran job ${jobId} (${job.name}): the job may have had effects`
      return new CaromError('CAROM_CHILD_LOST', text, { jobId, pid: certificate.pid, certificate })
    }
    case 'interrupted': {
      const { certificate } = outcome
      const text = `Job ${jobId} (${job.name}) ran for ${certificate.ranMs} ms, over its soft time limit, and was interrupted`
      return new SoftTimeLimitExceeded(text, { jobId, pid: certificate.pid, certificate })
    }
    case 'timedOut': {
      const { certificate } = outcome
      const text = `Job ${jobId} (${job.name}) ran for ${certificate.ranMs} ms, over its time limit, and its child was killed`
      return new TimeLimitExceeded(text, { jobId, pid: certificate.pid, certificate })
    }
    case 'overMemory': {
      const { certificate } = outcome
      const text = `Job ${jobId} (${job.name}) made its child grow over the memory limit (to ${certificate.memoryBytes} bytes), and the child was killed`
      return new MemoryLimitExceeded(text, { jobId, pid: certificate.pid, certificate })
    }
    case 'terminated':
      return new CaromError('CAROM_JOB_TERMINATED', `Job ${jobId} (${job.name}) was terminated`, { jobId })
    case 'cancelled':
      return new CaromError('CAROM_JOB_CANCELLED', `Job ${jobId} (${job.name}) was taken back before it started`, {
        jobId,
      })
    case 'unstarted':
      return startError(outcome.failure)
  }
}

/** No child of the pool could be started; `failure` is what the last one said. */
export function startError(failure: Failure): CaromError {
  const text = `No child of the pool could be started: ${failure.name}: ${failure.message}${wayOut(failure)}`
  return new CaromError('CAROM_CHILD_START', text, { cause: rebuild(failure) })
}

function wayOut({ code, message }: Failure): string {
  if (code !== 'ERR_UNKNOWN_FILE_EXTENSION' || !/"\.[cm]?ts"/.test(message)) return ''
  return `. Node ${process.versions.node} reads no TypeScript: name the compiled JavaScript, or use Node 22.18 or newer`
}

/** The error a function threw in its child: its name, message, cause and remote stack; `code` is the error's own. */
export class RemoteError extends Error {
  readonly code: string | null
  readonly [fact: string]: unknown

  constructor(failure: Failure) {
    super(failure.message, failure.cause === null ? undefined : { cause: rebuild(failure.cause) })
    this.name = failure.name
    this.code = failure.code
    Object.assign(this, failure.facts)
    Object.defineProperty(this, 'stack', {
      value: failure.stack ?? `${failure.name}: ${failure.message}`,
      writable: true,
      configurable: true,
    })
  }
}

/** The failure a `failed` outcome carries; a stranger's bytes, so never trusted to be one. */
export function readJobFailure(payload: Parameters<typeof decodePayload>[0]): Failure {
  try {
    return readFailure(decodePayload(payload))
  } catch {
    return readFailure(null)
  }
}

export function remoteError(failure: Failure, job: JobFacts): Error {
  const { code, message } = failure
  if (!isCaromErrorCode(code)) return rebuild(failure)
  const cause = failure.cause === null ? {} : { cause: rebuild(failure.cause) }
  const facts = { ...failure.facts, jobId: job.id, ...cause }
  return code === 'CAROM_SOFT_TIME_LIMIT'
    ? new SoftTimeLimitExceeded(message, facts)
    : new CaromError(code, message, facts)
}

function rebuild(failure: Failure): RemoteError {
  return new RemoteError(failure)
}
