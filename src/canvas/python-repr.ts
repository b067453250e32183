/** How Python shows an exception that was stored: `ValueError('bad', 42)`. For texts that Celery writes, and people read. */
export function pythonRepr(meta: unknown): string {
  const { exc_type, exc_message } = (typeof meta === 'object' && meta !== null ? meta : {}) as Record<string, unknown>
  const args = Array.isArray(exc_message) ? exc_message : exc_message === undefined ? [] : [exc_message]
  const name = typeof exc_type === 'string' ? exc_type : 'Error'
  return cut(`${name}(${args.map((arg) => value(arg, 0)).join(', ')})`)
}

function value(arg: unknown, depth: number): string {
  if (typeof arg === 'string') return text(arg)
  if (arg === null || arg === undefined) return 'None'
  if (typeof arg === 'boolean') return arg ? 'True' : 'False'
  if (typeof arg !== 'object') return String(arg)
  if (depth > MAX_DEPTH) return '...'
  if (Array.isArray(arg)) return `[${arg.map((item) => value(item, depth + 1)).join(', ')}]`
  const entries = Object.entries(arg).map(([key, item]) => `${text(key)}: ${value(item, depth + 1)}`)
  return `{${entries.join(', ')}}`
}

function text(content: string): string {
  const quote = content.includes("'") && !content.includes('"') ? '"' : "'"
  const escaped = content.slice(0, MAX_LENGTH).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

function cut(repr: string): string {
  return repr.length <= MAX_LENGTH ? repr : `${repr.slice(0, MAX_LENGTH)}...`
}

const MAX_DEPTH = 8
const MAX_LENGTH = 1024
