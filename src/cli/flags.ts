/** Flags that several commands share, and how the text of a flag becomes a value. */
import { type Command, InvalidArgumentError } from 'commander'
import { checkPriority, checkQueue, checkTaskId } from '../canvas/rules.ts'
import { decodeWireJson, MalformedJsonError } from '../message/wire-json.ts'
import { formatDuration, parseBytes, parseDurationMs } from './units.ts'

/** For commands that need the app's stores and nothing else of it. */
export interface PlaceFlags {
  readonly app?: string
  readonly name?: string
  readonly json?: boolean
}

export function addPlaceFlags(command: Command): Command {
  return command
    .option('--app <module>', 'the module that creates the app; loaded for its name and its URLs (CAROM_APP)')
    .option('--name <app>', 'the name of the app, in place of --app: nothing of it is loaded')
    .option('--json', 'answer in JSON for programs, errors too')
}

/** A duration with its unit, in milliseconds. */
export function durationMs(leastMs: number, mostMs: number): (text: string) => number {
  return checked((text) => {
    const ms = parseDurationMs(text)
    if (ms >= leastMs && ms <= mostMs) return ms
    throw new RangeError(`Write a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`)
  })
}

/** A size with its unit, in bytes. */
export const bytes = checked((text: string): number => {
  const size = parseBytes(text)
  if (size >= 1) return size
  throw new RangeError('Write a size of at least one byte, as in 200MiB')
})

export function integer(least: number, most: number): (text: string) => number {
  return checked((text) => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new RangeError(`Write a whole number from ${least} to ${most}`)
  })
}

/** `a,b` as its names, each once. */
export const names = checked((text: string): readonly string[] => {
  const found = text.split(',').map((name) => name.trim())
  if (found.every((name) => name !== '')) return [...new Set(found)]
  throw new RangeError('Write names with a comma between them, as in shop,slow')
})

export const queueName = checked((text: string): string => {
  checkQueue(text, 'the queue')
  return text
})

export const queueNames = checked((text: string): readonly string[] => names(text).map(queueName))

export const taskId = checked((text: string): string => {
  checkTaskId(text, 'the id of a task')
  return text
})

export const priority = checked((text: string): number => {
  const value = integer(0, 9)(text)
  checkPriority(value, 'the priority')
  return value
})

/** A JSON array: positional arguments. */
export const jsonArray = checked((text: string): readonly unknown[] => {
  const value = json(text)
  if (Array.isArray(value)) return value
  throw new RangeError("Write a JSON array, as in '[2, 3]'")
})

/** A JSON object: arguments by name. */
export const jsonObject = checked((text: string): Readonly<Record<string, unknown>> => {
  const value = json(text)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return value as Record<string, unknown>
  }
  throw new RangeError(`Write a JSON object, as in '{"to": "ada@example.com"}'`)
})

function json(text: string): unknown {
  try {
    return decodeWireJson(text)
  } catch (error) {
    if (!(error instanceof MalformedJsonError)) throw error
    throw new RangeError(`That is no JSON: ${error.message}. Mind the shell's quotes: '["a", 1]'`)
  }
}

/** Commander wants its own error for a value it should blame on the flag. */
function checked<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) throw new InvalidArgumentError(error.message)
      throw error
    }
  }
}
