/** The exit codes of every command: API for scripts, so a code never changes its meaning. */
import { CaromError, type CaromErrorCode, isCaromError } from '../errors.ts'

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  late: 3,
  store: 4,
  app: 5,
  unexpected: 70,
} as const

export type ExitName = keyof typeof EXIT
export type ExitCode = (typeof EXIT)[ExitName]

/** What `--help` says of each, where a command does not say it more closely. */
export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  ok: 'done',
  failed: 'the task failed, or what was asked for does not exist',
  usage: 'the command line is not right',
  late: 'not there in time',
  store: 'the store cannot be used',
  app: 'the app cannot be loaded',
  unexpected: 'an error nobody expected: please report it',
}

/** Ends a command with a code that its error alone would not give. */
export class CommandEnd extends Error {
  readonly exitCode: ExitCode
  readonly error: unknown

  constructor(exitCode: ExitCode, error: unknown) {
    super('The command has ended')
    this.exitCode = exitCode
    this.error = error
  }
}

/** A command line that cannot be done as it is. The text says what to write instead. */
export function usageError(text: string): CaromError {
  return new CaromError('CAROM_USAGE', text)
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandEnd) return error.exitCode
  return isCaromError(error) ? (EXIT[EXIT_OF[error.code]] ?? EXIT.unexpected) : EXIT.unexpected
}

const EXIT_OF: Readonly<Record<CaromErrorCode, ExitName>> = {
  CAROM_APP_CLOSED: 'unexpected',
  CAROM_APP_LOAD_FAILED: 'app',
  CAROM_APP_MISSING: 'app',
  CAROM_APP_NOT_FOUND: 'app',
  CAROM_APP_TYPESCRIPT: 'app',
  CAROM_ARGUMENTS_INVALID: 'usage',
  CAROM_ARGUMENTS_TOO_LARGE: 'usage',
  CAROM_ARGUMENTS_UNENCODABLE: 'usage',
  CAROM_CHILD_LOST: 'failed',
  CAROM_CHILD_START: 'app',
  CAROM_EMBEDDED_REFUSED: 'store',
  CAROM_EXECUTOR_UNABLE: 'unexpected',
  CAROM_EXPORT_UNKNOWN: 'unexpected',
  CAROM_FORK_UNAVAILABLE: 'usage',
  CAROM_JOB_CANCELLED: 'failed',
  CAROM_JOB_TERMINATED: 'failed',
  CAROM_JOIN_TIMEOUT: 'late',
  CAROM_KWARGS_REFUSED: 'usage',
  CAROM_MEMORY_LIMIT: 'failed',
  CAROM_MESSAGE_INVALID: 'failed',
  CAROM_NO_REPLY: 'failed',
  CAROM_PLATFORM_UNSUPPORTED: 'unexpected',
  CAROM_POOL_CLOSED: 'unexpected',
  CAROM_QUARANTINE_UNKNOWN: 'failed',
  CAROM_RESULT_ELSEWHERE: 'usage',
  CAROM_RESULT_IGNORED: 'usage',
  CAROM_RESULT_INSIDE_TASK: 'unexpected',
  CAROM_RESULT_TIMEOUT: 'late',
  CAROM_RESULT_TOO_LARGE: 'failed',
  CAROM_RESULT_UNENCODABLE: 'failed',
  CAROM_SECURITY_UNUSABLE: 'app',
  CAROM_SOFT_TIME_LIMIT: 'failed',
  CAROM_STORE_BUSY: 'store',
  CAROM_STORE_CLOSED: 'store',
  CAROM_STORE_CORRUPT: 'store',
  CAROM_STORE_FULL: 'store',
  CAROM_STORE_GONE: 'store',
  CAROM_STORE_READ_ONLY: 'store',
  CAROM_STORE_UNAVAILABLE: 'store',
  CAROM_TASK_DUPLICATE: 'app',
  CAROM_TASK_EXPIRED: 'failed',
  CAROM_TASK_FAILED: 'failed',
  CAROM_TASK_REVOKED: 'failed',
  CAROM_TASK_UNKNOWN: 'usage',
  CAROM_TIME_LIMIT: 'failed',
  CAROM_URL_UNSUPPORTED: 'store',
  CAROM_USAGE: 'usage',
  CAROM_WORKER_LOST: 'failed',
}
