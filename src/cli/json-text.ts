/** Values that came over the wire, as JSON that any program reads: also dates, bytes and integers beyond 2^53. */
import { printableJson } from './printable.ts'

export interface JsonTextOptions {
  /** Spaces per level; 0 is one line. @default 0 */
  readonly indent?: number
  /** Changes every string, such as to hide passwords. @default none */
  readonly map?: (text: string) => string
}

/**
 * Dates become ISO 8601, bytes Base64, a `bigint` its digits, `NaN` and the infinities `null`; `undefined` is left out.
 * No character of it can do something to a terminal.
 */
export function toJsonText(value: unknown, { indent = 0, map = (text) => text }: JsonTextOptions = {}): string {
  const write = (part: unknown, level: number): string => {
    if (Array.isArray(part))
      return enclose(
        '[',
        ']',
        part.map((item) => write(item ?? null, level + 1)),
        level,
      )
    if (typeof part !== 'object' || part === null) return scalar(part, map)
    if (part instanceof Date) return quote(Number.isNaN(part.getTime()) ? 'Invalid Date' : part.toISOString())
    if (part instanceof Uint8Array) return quote(Buffer.from(part).toString('base64'))
    const fields = Object.entries(part).filter(([, field]) => field !== undefined)
    const space = indent === 0 ? '' : ' '
    return enclose(
      '{',
      '}',
      fields.map(([key, field]) => `${quote(map(key))}:${space}${write(field, level + 1)}`),
      level,
    )
  }
  const enclose = (open: string, close: string, parts: string[], level: number): string => {
    if (parts.length === 0 || indent === 0) return `${open}${parts.join(',')}${close}`
    const margin = ' '.repeat(indent * (level + 1))
    return `${open}\n${margin}${parts.join(`,\n${margin}`)}\n${' '.repeat(indent * level)}${close}`
  }
  return write(value, 0)
}

function scalar(value: unknown, map: (text: string) => string): string {
  switch (typeof value) {
    case 'string':
      return quote(map(value))
    case 'bigint':
      return String(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'boolean':
      return String(value)
    default:
      return 'null'
  }
}

function quote(text: string): string {
  return printableJson(JSON.stringify(text))
}
