import { types } from 'node:util'
import { base64Tag, dateTag, isKnownTag } from './wire-json-tags.ts'

/** A value that JSON cannot carry. Callers give it a code: it is their argument or result that failed. */
export class UnencodableError extends Error {
  /** Where the value sits below the root, like `result.items[3].fn`. */
  readonly path: string
  readonly reason: string

  constructor(path: string, reason: string, options?: { readonly cause: unknown }) {
    super(`Cannot encode ${path}: ${reason}`, options)
    this.name = 'UnencodableError'
    this.path = path
    this.reason = reason
  }
}

/** Arrays and objects may be nested this deep, both when written and when read: Python gives up near 1,000. */
export const MAX_JSON_DEPTH = 512
/** Digits of one integer, as in Python, which refuses to read a longer one. */
export const MAX_INTEGER_DIGITS = 4300

/** Writes `value` piece by piece, knowing at each moment where it is. `root` names the value in errors. */
export function writeWireJson(value: unknown, root: string): string {
  const writer = new Writer(root)
  try {
    return writer.value('', value) ?? 'null'
  } catch (thrown) {
    if (thrown instanceof UnencodableError) throw thrown
    // A getter, a `toJSON` or a Proxy threw, or the text outgrew the longest string there can be.
    throw writer.refusal('reading or writing it threw an error', { cause: thrown })
  }
}

class Writer {
  readonly #root: string
  // Pushed and popped in step; what is left of them when something throws is the place where it threw.
  readonly #keys: (string | number)[] = []
  readonly #open: object[] = []

  constructor(root: string) {
    this.#root = root
  }

  /** JSON text, or `undefined` where there is nothing to write. `key` is what a `toJSON` is told. */
  value(key: string, value: unknown): string | undefined {
    switch (typeof value) {
      case 'object':
        return value === null ? 'null' : this.#object(key, value)
      case 'bigint':
        if (value < LARGEST && value > -LARGEST) return value.toString()
        throw this.refusal(`an integer of more than ${MAX_INTEGER_DIGITS} digits, which Python refuses to read`)
      case 'function':
        throw this.refusal('it is a function, which JSON cannot carry')
      case 'symbol':
        throw this.refusal('it is a symbol, which JSON cannot carry')
      default:
        return this.#primitive(value)
    }
  }

  refusal(reason: string, options?: { readonly cause: unknown }): UnencodableError {
    return new UnencodableError(pathText(this.#root, this.#keys), reason, options)
  }

  #primitive(value: unknown): string | undefined {
    if (typeof value === 'string') return JSON.stringify(value)
    if (typeof value === 'number') return numberText(value)
    return value === undefined ? undefined : String(value)
  }

  #object(key: string, value: object): string | undefined {
    const tagged = this.#tagged(value)
    if (tagged !== null) return tagged
    const toJson = (value as { toJSON?: unknown }).toJSON
    if (typeof toJson !== 'function') return this.#container(value)
    const replaced: unknown = toJson.call(value, key)
    if (typeof replaced !== 'object' || replaced === null) return this.value(key, replaced)
    // As with JSON.stringify, what came out of `toJSON` is not asked again.
    return this.#tagged(replaced) ?? this.#container(replaced)
  }

  #tagged(value: object): string | null {
    if (types.isUint8Array(value)) return base64Tag(value)
    if (!types.isDate(value)) return null
    const tag = dateTag(value)
    if (tag === null) throw this.refusal('an invalid Date, or one outside the years 1 to 9999')
    return tag
  }

  #container(value: object): string | undefined {
    if (types.isBoxedPrimitive(value)) return this.value('', value.valueOf())
    if (this.#open.includes(value)) throw this.refusal('it contains itself')
    if (this.#open.length >= MAX_JSON_DEPTH) throw this.refusal(`it is nested deeper than ${MAX_JSON_DEPTH} levels`)
    this.#open.push(value)
    const text = Array.isArray(value) ? this.#array(value) : this.#fields(value)
    this.#open.pop()
    return text
  }

  #array(items: readonly unknown[]): string {
    let text = '['
    for (let index = 0; index < items.length; index++) {
      this.#keys.push(index)
      const item = this.value(String(index), items[index]) ?? 'null'
      text += index === 0 ? item : `,${item}`
      this.#keys.pop()
    }
    return `${text}]`
  }

  #fields(object: object): string {
    const fields = object as Record<string, unknown>
    const keys = Object.keys(fields)
    this.#refuseForeign(object, keys)
    const written: string[] = []
    let type: string | undefined
    let hasValue = false
    for (const key of keys) {
      this.#keys.push(key)
      const field = this.value(key, fields[key])
      this.#keys.pop()
      if (field === undefined) continue
      written.push(`${JSON.stringify(key)}:${field}`)
      if (key === '__type__') type = field
      else if (key === '__value__') hasValue = true
    }
    if (type !== undefined && hasValue && written.length === 2) this.#refuseTag(type)
    return `{${written.join(',')}}`
  }

  /** Judges what was written: a third key that is `undefined`, or a `toJSON`, would deceive a look at the object. */
  #refuseTag(type: string): void {
    const tag = type.startsWith('"') ? type.slice(1, -1) : null
    if (!isKnownTag(tag)) return
    throw this.refusal(
      `an object of exactly "__type__" and "__value__" is Celery's mark of a ${tag} and would arrive as one. Add or rename a key`,
    )
  }

  /** Refuses what would arrive as something else without a word. */
  #refuseForeign(object: object, keys: readonly string[]): void {
    const kind = foreignKind(object)
    if (kind !== null) throw this.refusal(kind)
    if (keys.length === 0 && !isPlainPrototype(Object.getPrototypeOf(object))) {
      throw this.refusal('an instance of a class without own fields: it would arrive as {}. Give the class a toJSON')
    }
  }
}

/** For a plain object, one of another realm, or one without a prototype. */
export function isPlainPrototype(prototype: unknown): boolean {
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function foreignKind(object: object): string | null {
  if (types.isPromise(object)) return 'it is a Promise: await it first'
  if (types.isNativeError(object)) return 'it is an Error: throw it, or send its message'
  if (types.isMap(object) || types.isWeakMap(object)) return 'it is a Map: send an object, or an array of pairs'
  if (types.isSet(object) || types.isWeakSet(object)) return 'it is a Set: send an array'
  if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) {
    return 'binary data travels as a Uint8Array: send that, or an array of numbers'
  }
  return null
}

function numberText(value: number): string {
  const text = String(value)
  // Without a fraction or an exponent it would be read as an integer, and come back as a bigint.
  const isLargeInteger = Number.isInteger(value) && !Number.isSafeInteger(value)
  if (isLargeInteger && !text.includes('e')) return `${text}.0`
  return text
}

function pathText(root: string, keys: readonly (string | number)[]): string {
  let path = root
  for (const key of keys) {
    if (path.length > MAX_PATH_LENGTH) return `${path}…`
    if (typeof key === 'number') path += `[${key}]`
    else if (/^[A-Za-z_$][\w$]{0,63}$/.test(key)) path += `.${key}`
    else path += `[${JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key)}]`
  }
  return path
}

const LARGEST = 10n ** BigInt(MAX_INTEGER_DIGITS)
const MAX_PATH_LENGTH = 200
