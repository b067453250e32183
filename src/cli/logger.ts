/** The worker's log on stderr: lines of JSON for programs, or one readable line each for a person. */
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { toFailure } from '../support/failure.ts'
import type { LogFacts, Logger } from '../worker/index.ts'
import { isSecretName, printable, printableLines, redact } from './printable.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export const LOG_FORMATS = ['pretty', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

export interface LoggerOptions {
  readonly format: LogFormat
  readonly level: LogLevel
  readonly colours: boolean
}

/**
 * Writes never hold the worker's loop; what a stuck reader leaves unread is bounded, and dropped beyond that. `flush`
 * resolves when all is written, or after a second.
 */
export function createLogger({ format, level, colours }: LoggerOptions): { log: Logger; flush: () => Promise<void> } {
  // With a least length of 0 there would be no way to wait for the end of a write.
  const destination = pino.destination({ dest: 2, sync: false, minLength: 1, maxLength: MAX_UNREAD_BYTES })
  const write = (line: string): void => {
    destination.write(line)
  }
  const written = (): Promise<void> => new Promise((resolve) => destination.flush(() => resolve()))
  const flush = (): Promise<void> => Promise.race([written(), pause(MAX_FLUSH_MS, undefined, { ref: false })])
  return { log: format === 'json' ? jsonLogger(level, destination) : prettyLogger(level, colours, write), flush }
}

/** Colours are for a person at a terminal who has not refused them. */
export function wantsColours(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}

/** One line: time, level, sentence, facts. */
export function prettyLine(level: LogLevel, facts: LogFacts, text: string, at: Date, colours: boolean): string {
  const time = at.toTimeString().slice(0, 8) + at.toISOString().slice(19, 23)
  const paint = (code: string, part: string): string => (colours ? `\x1b[${code}m${part}\x1b[0m` : part)
  // The event is for programs: the sentence says it.
  const { err, event: _, ...others } = safeFacts(facts)
  const details = Object.entries(others).map(([key, value]) => paint('2', `${key}=${shown(value)}`))
  const head = `${paint('2', time)} ${paint(LEVEL_COLOURS[level], level.padEnd(5))} ${printable(text)}`
  return `${[head, ...details].join('  ')}${err === undefined ? '' : errorLines(err)}\n`
}

function jsonLogger(level: LogLevel, destination: ReturnType<typeof pino.destination>): Logger {
  const writer = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  const at = (name: LogLevel) => (facts: LogFacts, text: string) => writer[name](safeFacts(facts), printable(text))
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function prettyLogger(level: LogLevel, colours: boolean, write: (line: string) => void): Logger {
  const at = (name: LogLevel) => (facts: LogFacts, text: string) => {
    if (LOG_LEVELS.indexOf(name) >= LOG_LEVELS.indexOf(level)) write(prettyLine(name, facts, text, new Date(), colours))
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Facts without secrets, and errors as data. */
function safeFacts(facts: LogFacts): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, isSecretName(key) ? '***' : safe(value, 3)]),
  )
}

function safe(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redact(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Error) return safeError(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return '…'
  if (Array.isArray(value)) return value.map((item) => safe(item, depth - 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, isSecretName(key) ? '***' : safe(field, depth - 1)]),
  )
}

function safeError(error: Error): Record<string, unknown> {
  const { name, code, message, stack, cause } = toFailure(error)
  // An error with a code was expected: its stack says nothing to whoever reads the log.
  const trace = code === null && stack !== null ? { stack: redact(stack) } : {}
  const reason = cause === null ? {} : { cause: redact(`${cause.name}: ${cause.message}`) }
  return { name, ...(code === null ? {} : { code }), message: redact(message), ...reason, ...trace }
}

function errorLines(err: unknown): string {
  const { name, code, message, stack, cause } = err as Record<string, unknown>
  const first = printable(`${code ?? name}: ${message}${cause === undefined ? '' : ` (${cause})`}`)
  return `\n  ${stack === undefined ? first : printableLines(String(stack)).replaceAll('\n', '\n  ')}`
}

function shown(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? printable(value) : printable(JSON.stringify(value))
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return printable(listed(value))
  return printable(JSON.stringify(value) ?? String(value))
}

function listed(items: readonly unknown[]): string {
  const more = items.length > MAX_LISTED ? `,+${items.length - MAX_LISTED}` : ''
  return `${items.slice(0, MAX_LISTED).join(',')}${more}`
}

const MAX_LISTED = 12
const MAX_FLUSH_MS = 1_000
const MAX_UNREAD_BYTES = 4 * 1024 * 1024
const LEVEL_COLOURS: Readonly<Record<LogLevel, string>> = { debug: '2', info: '32', warn: '33', error: '31' }
