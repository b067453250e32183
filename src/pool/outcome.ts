/** From a job's outcome to the value or the error its caller gets. All wording of failed jobs is here. */
import { CaromError, type CaromErrorCode, isCaromErrorCode } from '../errors.ts'
import { type Failure, readFailure } from '../support/failure.ts'
import { describeDeath } from './parent/certificate.ts'
import type { Outcome } from './parent/state.ts'
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
    resolve(decodePayload(outcome.payload) as R)
  } catch (cause) {
    const text = `The result of job ${job.id} (${job.name}) arrived in pieces that cannot be read`
    reject(new CaromError('CAROM_RESULT_UNENCODABLE', text, { cause, jobId: job.id }))
  }
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
    case 'terminated':
      return new CaromError('CAROM_JOB_TERMINATED', `Job ${jobId} (${job.name}) was terminated`, { jobId })
    case 'cancelled':
      return new CaromError('CAROM_JOB_CANCELLED', `Job ${jobId} (${job.name}) was cancelled before it started`, {
        jobId,
      })
    case 'unstarted':
      return startError(outcome.failure)
  }
}

/** No child of the pool could be started; `failure` is what the last one said. */
export function startError(failure: Failure): CaromError {
  const text = `No child of the pool could be started: ${failure.name}: ${failure.message}`
  return new CaromError('CAROM_CHILD_START', text, { cause: rebuild(failure) })
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

function remoteError(failure: Failure, job: JobFacts): Error {
  if (!isCaromErrorCode(failure.code)) return rebuild(failure)
  return new CaromError(failure.code as CaromErrorCode, failure.message, {
    ...failure.facts,
    jobId: job.id,
    ...(failure.cause === null ? {} : { cause: rebuild(failure.cause) }),
  })
}

function rebuild(failure: Failure): RemoteError {
  return new RemoteError(failure)
}
