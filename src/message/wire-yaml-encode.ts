/**
 * YAML that both PyYAML (YAML 1.1) and readers of YAML 1.2 take for the same: one line of flow collections, every text in
 * double quotes, so that no text is taken for a number or a date.
 */
import { UnencodableError } from './wire-json-encode.ts'

/** @throws UnencodableError for half a surrogate pair. `value` has come out of JSON. */
export function encodeYaml(value: unknown, root: string): string {
  switch (typeof value) {
    case 'string':
      return textOf(value, root)
    case 'number':
      return numberOf(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
      return value === null || value === undefined ? 'null' : objectOf(value, root)
  }
}

function objectOf(value: object, path: string): string {
  if (value instanceof Date) return `!!timestamp "${value.toISOString()}"`
  if (value instanceof Uint8Array) {
    return `!!binary "${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`
  }
  if (Array.isArray(value)) return `[${value.map((item, index) => encodeYaml(item, `${path}[${index}]`)).join(', ')}]`
  const fields = Object.entries(value).map(([key, field]) => {
    const below = `${path}[${key.length > 64 ? '…' : JSON.stringify(key)}]`
    return `${keyOf(key, path)}: ${encodeYaml(field, below)}`
  })
  return `{${fields.join(', ')}}`
}

/** A key without a mark before it may have 1,024 characters at the most. */
function keyOf(key: string, path: string): string {
  const text = textOf(key, path)
  return text.length < MAX_SIMPLE_KEY_LENGTH ? text : `? ${text} `
}

function textOf(text: string, path: string): string {
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw new UnencodableError(path, 'the text holds half a surrogate pair, which only the serializer json can carry')
  }
  // What is left of control characters, line ends that only YAML knows, and marks that PyYAML refuses to read.
  return JSON.stringify(text).replace(UNPRINTABLE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** PyYAML takes no number for a fraction that lacks a dot, or the sign of its exponent. */
function numberOf(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  if (Number.isSafeInteger(value)) return text
  const [digits = '', exponent] = text.split('e')
  const mantissa = digits.includes('.') ? digits : `${digits}.0`
  return exponent === undefined ? mantissa : `${mantissa}e${exponent}`
}

const MAX_SIMPLE_KEY_LENGTH = 1000
const UNPRINTABLE = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g
