/**
 * An error as Celery stores it: `{"exc_type", "exc_message", "exc_module"}`. Ours has a fourth key, `carom`, which
 * Python does not look at: it keeps what a TypeScript error has more.
 */
import type { Failure } from '../support/failure.ts'
import { isJsonObject, kindOf } from './invalid-message.ts'
import { encodeWireJson, UnencodableError } from './wire-json.ts'

/** What is known of an error that happened elsewhere, perhaps in Python. Data of a stranger, bounded. */
export interface RemoteFailure {
  readonly name: string
  readonly message: string
  /** `null` for a Python error: its traceback lies beside it in the result. */
  readonly stack: string | null
  /** The Python module of its class; `js.errors` where Python has no such class. */
  readonly module: string | null
  readonly code: string | null
  readonly cause: RemoteFailure | null
  /** Further fields of the error. `args` are those of a Python error, where they are not just the message. */
  readonly facts: Readonly<Record<string, unknown>>
}

export type FailureToEncode = Pick<Failure, 'name' | 'message' | 'stack'> & Partial<Failure>

export interface FailureMeta {
  readonly exc_type: string
  readonly exc_message: readonly [string]
  readonly exc_module: string
  readonly carom: Omit<RemoteFailure, 'name' | 'message' | 'module'>
}

/**
 * The wire form of a failure, at most 8 causes deep and every text cut.
 *
 * `exc_module` makes a Python reader raise its own class where it has one that means the same: reading fails there
 * if that class does not exist, or cannot be made from a message alone. So only names on a closed list get one.
 */
export function encodeFailure(failure: FailureToEncode): FailureMeta {
  const { name, message, module, ...rest } = bounded(failure, MAX_CAUSES)
  return { exc_type: name, exc_message: [message], exc_module: module ?? FOREIGN_MODULE, carom: rest }
}

/** What a stored failure says. Never throws: whatever is missing or misshapen is replaced. */
export function decodeFailure(meta: unknown): RemoteFailure {
  // Neither text nor null is a failure to Celery's reader, but there are writers that store them.
  if (!isJsonObject(meta)) return readFields({ message: typeof meta === 'string' ? meta : null }, 0)
  const ours = isJsonObject(meta.carom) ? meta.carom : {}
  const { exc_type: name, exc_module: module, exc_message } = meta
  const args = Array.isArray(exc_message) ? exc_message : [exc_message ?? NO_MESSAGE]
  // As near as may be to what `str()` gives in Python.
  const message = args.map((arg) => (isText(arg) ? arg : jsonText(arg))).join(', ')
  const failure = readFields({ ...ours, name, module, message }, MAX_CAUSES)
  const isOnlyMessage = args.length <= 1 && args.every(isText)
  if (isOnlyMessage || message.length > MAX_FACT_LENGTH) return failure
  return { ...failure, facts: { ...failure.facts, args } }
}

function bounded(failure: FailureToEncode, depth: number): RemoteFailure {
  const name = className(failure.name)
  const { stack, code = null, cause = null, facts = {} } = failure
  return {
    name,
    message: cut(failure.message, MAX_TEXT_LENGTH),
    stack: stack === null ? null : cut(stack, MAX_TEXT_LENGTH),
    module: PYTHON_MODULES.get(name) ?? FOREIGN_MODULE,
    code: code === null ? null : cut(code, MAX_NAME_LENGTH),
    cause: cause === null || depth === 0 ? null : bounded(cause, depth - 1),
    facts: plainFacts(facts),
  }
}

function readFields(fields: Readonly<Record<string, unknown>>, depth: number): RemoteFailure {
  const { name, message, stack, module, code, cause, facts } = fields
  return {
    name: className(name),
    message: isText(message) ? cut(message, MAX_TEXT_LENGTH) : NO_MESSAGE,
    stack: isText(stack) ? cut(stack, MAX_TEXT_LENGTH) : null,
    module: isText(module) ? cut(module, MAX_NAME_LENGTH) : null,
    code: isText(code) ? cut(code, MAX_NAME_LENGTH) : null,
    cause: depth > 0 && isJsonObject(cause) ? readFields(cause, depth - 1) : null,
    facts: isJsonObject(facts) ? plainFacts(facts) : {},
  }
}

function jsonText(value: unknown): string {
  try {
    return encodeWireJson(value)
  } catch (error) {
    // A stranger's object may lie too deep, or look like one of kombu's tags.
    if (error instanceof UnencodableError) return kindOf(value)
    throw error
  }
}

function plainFacts(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain: [string, unknown][] = []
  for (const [key, value] of Object.entries(facts).slice(0, MAX_FACTS)) {
    const isPlain = value === null || typeof value === 'number' || typeof value === 'boolean'
    if (key === '__proto__' || key.length > MAX_NAME_LENGTH || !(isPlain || isText(value))) continue
    plain.push([key, isText(value) ? cut(value, MAX_FACT_LENGTH) : value])
  }
  return Object.fromEntries(plain)
}

// Python makes a class of this name if it has none, and throws over a zero byte or half a surrogate pair in it.
function className(name: unknown): string {
  const text = isText(name) ? cut(name.replace(/[\p{Cc}\p{Cs}]/gu, ''), MAX_NAME_LENGTH) : ''
  return text === '' ? 'Error' : text
}

function cut(text: string, length: number): string {
  if (text.length <= length) return text
  const kept = text.slice(0, length)
  // Not through the middle of a surrogate pair.
  return `${/[\uD800-\uDBFF]$/.test(kept) ? kept.slice(0, -1) : kept}…`
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

const NO_MESSAGE = 'An error that said nothing'
const MAX_CAUSES = 8
const MAX_TEXT_LENGTH = 16 * 1024
const MAX_FACT_LENGTH = 1024
const MAX_FACTS = 32
const MAX_NAME_LENGTH = 255
const FOREIGN_MODULE = 'js.errors'

// Not SyntaxError and ReferenceError, which mean something else in Python; nothing that ends a Python process
// (SystemExit), and nothing that cannot be made from one text (UnicodeDecodeError).
const BUILTINS =
  'ArithmeticError AssertionError AttributeError BrokenPipeError BufferError ConnectionAbortedError ConnectionError ' +
  'ConnectionRefusedError ConnectionResetError EOFError FileExistsError FileNotFoundError ImportError IndexError ' +
  'InterruptedError IsADirectoryError KeyError LookupError MemoryError ModuleNotFoundError NotADirectoryError ' +
  'NotImplementedError OSError OverflowError PermissionError ProcessLookupError RecursionError RuntimeError ' +
  'TimeoutError TypeError ValueError ZeroDivisionError'
const CELERY = 'ChordError Ignore MaxRetriesExceededError NotRegistered Reject Retry TaskRevokedError'
const BILLIARD = 'SoftTimeLimitExceeded TimeLimitExceeded WorkerLostError'
const PYTHON_MODULES = new Map<string, string>([
  ...BUILTINS.split(' ').map((name) => [name, 'builtins'] as const),
  ...CELERY.split(' ').map((name) => [name, 'celery.exceptions'] as const),
  ...BILLIARD.split(' ').map((name) => [name, 'billiard.exceptions'] as const),
])
