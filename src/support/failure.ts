/**
 * What is left of an error when it leaves its process: data, bounded, read without trusting it. Anything can be
 * thrown, also `null` and objects whose getters throw, so every look at the thrown value is guarded.
 */

export interface Failure {
  readonly name: string
  readonly message: string
  readonly stack: string | null
  /** The error's own `code` (`ENOENT`, `CAROM_...`), where it was a string. */
  readonly code: string | null
  readonly cause: Failure | null
  /** Further own fields of the error that are plain values (`errno`, `path`, `status`, ...). */
  readonly facts: Readonly<Record<string, string | number | boolean | null>>
}

const MAX_TEXT = 16 * 1024
const MAX_NAME = 256
const MAX_FACT = 2 * 1024
const MAX_CAUSES = 8
const MAX_FACTS = 32

/** No failure, written as UTF-8 with all its causes, has more bytes than this. */
export const MAX_FAILURE_BYTES = 3 * 1024 * 1024

/** The failure of whatever was thrown. Never throws. */
export function toFailure(thrown: unknown): Failure {
  return describe(thrown, MAX_CAUSES, new Set())
}

/** A failure from a stranger's data: wrong shapes are replaced, never trusted. */
export function readFailure(data: unknown, depth = MAX_CAUSES): Failure {
  const fields = isObject(data) ? data : {}
  const cause = depth > 0 && isObject(fields.cause) ? readFailure(fields.cause, depth - 1) : null
  return {
    name: text(fields.name, MAX_NAME) ?? 'Error',
    message: text(fields.message) ?? 'An error that said nothing',
    stack: text(fields.stack),
    code: text(fields.code, MAX_NAME),
    cause,
    facts: plainFields(fields.facts),
  }
}

function describe(thrown: unknown, depth: number, seen: Set<unknown>): Failure {
  if (!isObject(thrown)) return notAnError(thrown)
  seen.add(thrown)
  const cause = field(thrown, 'cause')
  return {
    name: text(field(thrown, 'name'), MAX_NAME) ?? 'Error',
    message: text(field(thrown, 'message')) ?? `A thrown ${tag(thrown)} without a message`,
    stack: text(field(thrown, 'stack')),
    code: text(field(thrown, 'code'), MAX_NAME),
    cause:
      cause === undefined || cause === null || depth === 0 || seen.has(cause) ? null : describe(cause, depth - 1, seen),
    facts: plainFields(thrown),
  }
}

function notAnError(thrown: unknown): Failure {
  const kind = thrown === null ? 'null' : typeof thrown
  const message = typeof thrown === 'string' ? thrown : `${kind} was thrown: ${String(thrown)}`
  return {
    name: 'NonErrorThrown',
    message: cut(message, MAX_TEXT),
    stack: null,
    code: null,
    cause: null,
    facts: {},
  }
}

function plainFields(source: unknown): Failure['facts'] {
  const facts: Record<string, string | number | boolean | null> = {}
  if (!isObject(source)) return facts
  for (const key of ownKeys(source).slice(0, MAX_FACTS)) {
    if (isReserved(key)) continue
    const value = field(source, key)
    if (typeof value === 'string') facts[key] = cut(value, MAX_FACT)
    else if (typeof value === 'number' || typeof value === 'boolean' || value === null) facts[key] = value
  }
  return facts
}

// A fact becomes a field of the error that the caller gets: one named `toString` would break it for whoever prints it.
function isReserved(key: string): boolean {
  return key === 'stack' || key === 'code' || key === 'cause' || key in Error.prototype || key.length > MAX_NAME
}

function field(source: object, key: string): unknown {
  try {
    return (source as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function ownKeys(source: object): string[] {
  try {
    // The elements of a list that was thrown are no facts, and may be very many.
    return Array.isArray(source) || ArrayBuffer.isView(source) ? [] : Object.keys(source)
  } catch {
    return []
  }
}

function tag(source: object): string {
  try {
    return Object.prototype.toString.call(source).slice(8, -1)
  } catch {
    return 'object'
  }
}

function text(value: unknown, most = MAX_TEXT): string | null {
  return typeof value === 'string' ? cut(value, most) : null
}

/** What was cut says so by its end, and is not cut again. */
function cut(value: string, most: number): string {
  return value.length <= most ? value : `${value.slice(0, most - 1)}…`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
