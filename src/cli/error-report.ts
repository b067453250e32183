/** How the error that ends a command is told: one line with its code, its cause below; or one line of JSON. */
import { isCaromError } from '../errors.ts'
import { type Failure, toFailure } from '../support/failure.ts'
import { CommandEnd, type ExitCode, exitCodeOf } from './exit-codes.ts'
import { toJsonText } from './json-text.ts'
import { printable, printableLines, redact } from './printable.ts'

export interface ReportOptions {
  readonly json: boolean
  /** With every stack. */
  readonly debug: boolean
}

/** What goes to stderr for `error`, whatever was thrown, and the code to exit with. */
export function reportError(error: unknown, options: ReportOptions): { text: string; exitCode: ExitCode } {
  const exitCode = exitCodeOf(error)
  const thrown = error instanceof CommandEnd ? error.error : error
  const failure = heart(toFailure(thrown))
  const expected = isCaromError(thrown)
  const text = options.json ? asJson(failure, exitCode, expected, options) : asText(failure, expected, options)
  return { text, exitCode }
}

/** An error as data for a program, without stacks. */
export function describeError(error: unknown): Record<string, unknown> {
  return describe(toFailure(error), false)
}

/** An app that does not load in a worker's children arrives wrapped: what the child said is the thing to tell. */
function heart(failure: Failure): Failure {
  const inner = failure.cause
  return failure.code === 'CAROM_CHILD_START' && inner?.code?.startsWith('CAROM_') === true ? inner : failure
}

function asText(failure: Failure, expected: boolean, { debug }: ReportOptions): string {
  const lines = [`carom: ${headline(failure, expected)}`]
  if (failure.code === 'CAROM_TASK_FAILED' && failure.stack !== null) lines.push(indented(failure.stack))
  else if (debug || !expected) lines.push(indented(failure.stack ?? ''))
  for (let cause = failure.cause; cause !== null; cause = cause.cause) {
    // The stack repeats name and message; without it they are all there is.
    const stack = debug || !expected ? cause.stack : isUsersOwn(failure) ? userPart(cause.stack) : null
    lines.push(indented(`cause: ${stack ?? `${cause.name}: ${cause.message}`}`))
  }
  return lines.filter((line) => line.trim() !== '').join('\n')
}

function headline({ name, message, code, facts }: Failure, expected: boolean): string {
  if (code === 'CAROM_TASK_FAILED') {
    const task = typeof facts.task === 'string' ? `"${facts.task}" (${facts.taskId})` : facts.taskId
    return printable(`Task ${task} failed: ${name}: ${message} (${code})`)
  }
  if (expected) return printable(`${message} (${code})`)
  return printable(`An error nobody expected: ${name}: ${message}`)
}

function asJson(failure: Failure, exitCode: ExitCode, expected: boolean, { debug }: ReportOptions): string {
  const all = debug || !expected || isUsersOwn(failure)
  const described = { exitCode, ...describe(failure, all) }
  return toJsonText({ error: described }, { map: redact })
}

function describe({ name, message, code, stack, cause, facts }: Failure, withStack: boolean): Record<string, unknown> {
  return {
    code,
    name,
    message,
    ...(withStack ? { stack } : {}),
    facts,
    cause: cause === null ? null : describe(cause, withStack),
  }
}

/** The user's module threw: where it did is what helps. */
function isUsersOwn({ code }: Failure): boolean {
  return code === 'CAROM_APP_LOAD_FAILED' || code === 'CAROM_CHILD_START'
}

/** Up to where Node loads the module: what called it is of no interest. */
function userPart(stack: string | null): string | null {
  return stack?.replace(/\n[^\n]*\bnode:internal\/modules\/.*$/s, '') ?? null
}

function indented(text: string): string {
  return printableLines(text).replace(/^/gm, '  ')
}
