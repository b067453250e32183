import { MAX_INTEGER_DIGITS, MAX_JSON_DEPTH } from './wire-json-encode.ts'
import { decodeTag, isKnownTag } from './wire-json-tags.ts'

/** Text that is not JSON, not even Python's. */
export class MalformedJsonError extends Error {
  /** Index into the text, in UTF-16 units. */
  readonly position: number
  readonly reason: string

  constructor(position: number, reason: string) {
    super(`Malformed JSON at position ${position}: ${reason}`)
    this.name = 'MalformedJsonError'
    this.position = position
    this.reason = reason
  }
}

/** Reads Python's JSON: integers of any size, `NaN` and `Infinity`, kombu's tags. */
export function parseWireJson(text: string): unknown {
  return new Parser(text).document()
}

class Parser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): unknown {
    const value = this.#value()
    if (!Number.isNaN(this.#next())) throw this.#malformed('there is more text after the value')
    return value
  }

  #value(): unknown {
    const code = this.#next()
    if (code === QUOTE) return this.#string()
    if (code === OPEN_OBJECT) return this.#object()
    if (code === OPEN_ARRAY) return this.#array()
    if (code === MINUS || isDigit(code)) return this.#number()
    return this.#word()
  }

  #object(): unknown {
    const start = this.#enter()
    const object: Record<string, unknown> = {}
    let hasType = false
    while (!this.#closes(CLOSE_OBJECT, this.#at === start + 1)) {
      if (this.#next() !== QUOTE) throw this.#malformed('expected a key in double quotes')
      const key = this.#string()
      if (this.#next() !== COLON) throw this.#malformed('expected ":" after the key')
      this.#at++
      const value = this.#value()
      if (key === '__type__') hasType = true
      // Assigned, it would set the prototype.
      if (key === '__proto__') Object.defineProperty(object, key, { value, ...ORDINARY })
      else object[key] = value
    }
    return hasType ? this.#untag(object, start) : object
  }

  #array(): unknown[] {
    const start = this.#enter()
    const items: unknown[] = []
    while (!this.#closes(CLOSE_ARRAY, this.#at === start + 1)) items.push(this.#value())
    return items
  }

  #enter(): number {
    if (++this.#depth > MAX_JSON_DEPTH) throw this.#malformed(`it is nested deeper than ${MAX_JSON_DEPTH} levels`)
    return this.#at++
  }

  /** True at the closing bracket; otherwise it has passed the comma that every item but the first needs. */
  #closes(bracket: number, isFirst: boolean): boolean {
    const code = this.#next()
    if (code === bracket) {
      this.#at++
      this.#depth--
      return true
    }
    if (isFirst) return false
    if (code !== COMMA) throw this.#malformed(`expected "," or "${String.fromCharCode(bracket)}"`)
    this.#at++
    if (this.#next() === bracket) throw this.#malformed('there is a comma too many')
    return false
  }

  #untag(object: Record<string, unknown>, start: number): unknown {
    const tag = object.__type__
    if (!isKnownTag(tag) || !Object.hasOwn(object, '__value__') || Object.keys(object).length !== 2) return object
    const value = decodeTag(tag, object.__value__)
    if (value !== undefined) return value
    throw new MalformedJsonError(start, `the object is marked as a ${tag}, but its value is none`)
  }

  #string(): string {
    const start = this.#at
    let at = start + 1
    let hasEscape = false
    for (let code = this.#text.charCodeAt(at); code !== QUOTE; code = this.#text.charCodeAt(at)) {
      // Also true of NaN, which is what the end of the text gives.
      if (!(code >= SPACE)) throw new MalformedJsonError(at, 'a string is not closed, or holds a control character')
      if (code === BACKSLASH) hasEscape = true
      at += code === BACKSLASH ? 2 : 1
    }
    this.#at = at + 1
    if (!hasEscape) return this.#text.slice(start + 1, at)
    try {
      return JSON.parse(this.#text.slice(start, at + 1)) as string
    } catch {
      throw new MalformedJsonError(start, 'a string holds an escape that JSON does not have')
    }
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) {
      if (this.#text.startsWith('-Infinity', this.#at)) return this.#skip(9, Number.NEGATIVE_INFINITY)
      throw this.#malformed('expected a number')
    }
    const literal = match[0]
    const isInteger = match[1] === undefined && match[2] === undefined
    if (isInteger && literal.length > MAX_INTEGER_DIGITS + (literal.startsWith('-') ? 1 : 0)) {
      throw this.#malformed(`an integer of more than ${MAX_INTEGER_DIGITS} digits`)
    }
    const number = Number(literal)
    return this.#skip(literal.length, isInteger && !Number.isSafeInteger(number) ? BigInt(literal) : number)
  }

  #word(): unknown {
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) return this.#skip(word.length, value)
    }
    throw this.#malformed(this.#at >= this.#text.length ? 'the text ends too early' : 'expected a value')
  }

  #skip<T>(length: number, value: T): T {
    this.#at += length
    return value
  }

  /** The code of the next character that is not white space, NaN at the end. */
  #next(): number {
    let code = this.#text.charCodeAt(this.#at)
    while (code === SPACE || code === 10 || code === 13 || code === 9) code = this.#text.charCodeAt(++this.#at)
    return code
  }

  #malformed(reason: string): MalformedJsonError {
    return new MalformedJsonError(this.#at, reason)
  }
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

const SPACE = 32
const QUOTE = 34
const COMMA = 44
const MINUS = 45
const COLON = 58
const OPEN_ARRAY = 91
const BACKSLASH = 92
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const ORDINARY = { writable: true, enumerable: true, configurable: true }
const WORDS: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
]
