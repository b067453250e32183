/**
 * Reads YAML as PyYAML's `safe_dump` writes it: the values of JSON, with `.nan`, `.inf`, dates and binary data. A word is a
 * number only where PyYAML takes it for one: it leaves text such as `1e5` or `08` without quotes. A day without a time
 * stays text, as it does in JSON.
 */
import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import { fromWireDate } from './dates.ts'
import { MalformedBodyError } from './malformed-body.ts'
import { MAX_INTEGER_DIGITS, MAX_JSON_DEPTH } from './wire-json-encode.ts'
import { decodeBase64 } from './wire-json-tags.ts'

/** YAML is slow to read: half a second for a mebibyte. */
export const MAX_YAML_BYTES = 1024 * 1024
/** How much one anchor may be asked for, and what it holds. */
const MAX_ALIASES = 100
/** Anchors and aliases together: the library looks for each among all. */
const MAX_MARKS = 1000
/** What aliases stand for counts as often as they do. */
const MAX_VALUES = MAX_YAML_BYTES

/**
 * The value of `text`. Integers beyond 2^53 are a `bigint`; of equal keys the last counts, and `__proto__` is one like
 * any other.
 *
 * @throws MalformedBodyError and nothing else.
 */
export function decodeYaml(text: string): unknown {
  if (text.length > MAX_YAML_BYTES) throw malformed(`it is longer than the ${MAX_YAML_BYTES} characters that are read`)
  try {
    return checked(documentOf(text).toJS({ maxAliasCount: MAX_ALIASES }), 0, { left: MAX_VALUES })
  } catch (cause) {
    if (cause instanceof MalformedBodyError) throw cause
    // Aliases without an anchor, or so many that they stand for far more than was sent.
    throw malformed(cause instanceof Error ? cause.message : 'it cannot be read', cause)
  }
}

function documentOf(text: string): Yaml.Document.Parsed {
  const { Composer } = library()
  const composer = new Composer(OPTIONS)
  // The first fault is enough: the library would collect all there are, and a text may be nothing else. It catches what is
  // thrown within a node, and reports that.
  let first: MalformedBodyError | undefined
  Object.assign(composer, {
    onError: (_place: unknown, _code: unknown, message: string) => {
      first ??= malformed(message)
      throw first
    },
  })
  const [document, second] = composer.compose(tokensOf(text), true, text.length)
  if (document === undefined || second !== undefined) throw malformed('it is not one document')
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) throw malformed(problem.message, problem)
  return document as Yaml.Document.Parsed
}

/** Bounds the depth as it goes: what comes after is recursive, and a regular expression at the stack's end ends the process. */
function* tokensOf(text: string) {
  const { Lexer, Parser } = library()
  const lexer = new Lexer()
  const parser = new Parser()
  let marks = 0
  for (const lexeme of lexer.lex(text)) {
    if ((lexeme.startsWith('&') || lexeme.startsWith('*')) && ++marks > MAX_MARKS) {
      throw malformed(`it has more than ${MAX_MARKS} anchors and aliases`)
    }
    yield* parser.next(lexeme)
    if (parser.stack.length > MAX_JSON_DEPTH + PARSER_LEVELS) throw tooDeep()
  }
  yield* parser.end()
}

/** Integers were read as `bigint`; an anchor within itself has no end. */
function checked(value: unknown, depth: number, values: { left: number }): unknown {
  if (--values.left < 0) throw malformed(`its aliases make more than ${MAX_VALUES} values of it`)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value
  if (depth >= MAX_JSON_DEPTH) throw tooDeep()
  const fields = value as Record<string, unknown>
  for (const key of Object.keys(fields)) {
    const field = checked(fields[key], depth + 1, values)
    if (field !== fields[key]) fields[key] = field
  }
  return value
}

function malformed(reason: string, cause?: unknown): MalformedBodyError {
  return new MalformedBodyError(`is not YAML that is read here: ${reason.slice(0, MAX_REASON_LENGTH)}`, { cause })
}

function tooDeep(): MalformedBodyError {
  return malformed(`it is nested deeper than ${MAX_JSON_DEPTH} levels`)
}

/** `test` is what a word without quotes has to look like; without it the tag has to be written. */
function tag(name: string, test: RegExp | undefined, resolve: (text: string) => unknown): Yaml.ScalarTag {
  return { tag: `tag:yaml.org,2002:${name}`, default: test !== undefined, ...(test && { test }), resolve }
}

function integerOf(text: string): bigint {
  if (text.length > MAX_INTEGER_DIGITS + 1) throw malformed(`an integer of more than ${MAX_INTEGER_DIGITS} digits`)
  return BigInt(text.startsWith('+') ? text.slice(1) : text)
}

function floatOf(text: string): number {
  if (/nan$/i.test(text)) return Number.NaN
  if (/inf$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number(text)
}

function dateOf(text: string): Date {
  const epochMs = fromWireDate(text)
  if (epochMs === null) throw malformed('it holds a date that is none')
  return new Date(epochMs)
}

function bytesOf(text: string): Uint8Array {
  const bytes = decodeBase64(text.replace(/\s/g, ''))
  if (bytes === null) throw malformed('it holds binary data that is not base64')
  return new Uint8Array(bytes)
}

/** Loaded by those who read YAML, and by nobody else. */
function library(): typeof Yaml {
  loaded ??= createRequire(import.meta.url)('yaml') as typeof Yaml
  return loaded
}

let loaded: typeof Yaml | undefined
const TAGS: readonly Yaml.ScalarTag[] = [
  tag('null', /^(?:~|null|Null|NULL)?$/, () => null),
  tag('bool', /^(?:true|True|TRUE|false|False|FALSE)$/, (text) => /^t/i.test(text)),
  tag('int', /^[-+]?(?:0|[1-9]\d*)$/, integerOf),
  tag('float', /^(?:[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/, floatOf),
  tag('timestamp', /^\d{4}-\d\d-\d\d(?:[Tt]| +)\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d(?::\d\d)?)?$/, dateOf),
  tag('binary', undefined, bytesOf),
]
const OPTIONS = {
  schema: 'failsafe',
  version: '1.2',
  customTags: (tags: readonly unknown[]) => [...tags, ...TAGS],
  // Its sets and maps are objects of classes.
  resolveKnownTags: false,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
} as ConstructorParameters<typeof Yaml.Composer>[0]
const PARSER_LEVELS = 8
const MAX_REASON_LENGTH = 160
