/**
 * Headers as AMQP's field tables have them. Three things do not fit, and are refused when they are sent: numbers that
 * are not finite, integers that do not come back as they were (a reader has 64 bits, and this one 53 and exact powers
 * beyond), and values that are no JSON.
 */

/** A value that has no form in a table. `path` names it, as in `headers.x[0]`. */
export class NoTableFormError extends Error {
  readonly path: string
  readonly reason: string

  constructor(path: string, reason: string) {
    super(`${path} ${reason}`)
    this.path = path
    this.reason = reason
  }
}

export type Table = Readonly<Record<string, unknown>>

/** @throws NoTableFormError */
export function toTable(headers: Table, root: string): Table {
  const budget = { bytes: MAX_TABLE_BYTES }
  return tableOf(headers, root, 0, budget)
}

/** A table that was received, as plain data: integers beyond 2^53 are a `bigint`. @throws NoTableFormError */
export function fromTable(table: Table, root: string): Record<string, unknown> {
  return plain(table, root, 0) as Record<string, unknown>
}

interface Budget {
  bytes: number
}

function tableOf(object: Table, path: string, depth: number, budget: Budget): Table {
  if (depth > MAX_DEPTH) throw new NoTableFormError(path, `is nested deeper than ${MAX_DEPTH} levels`)
  const table: [string, unknown][] = []
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue
    const keyBytes = Buffer.byteLength(key)
    if (keyBytes > 255) throw new NoTableFormError(path, 'has a name of more than 255 bytes')
    spend(budget, keyBytes + 2, path)
    table.push([key, fieldOf(value, `${path}.${key}`, depth + 1, budget)])
  }
  return fromEntries(table)
}

function fieldOf(value: unknown, path: string, depth: number, budget: Budget): unknown {
  switch (typeof value) {
    case 'string':
      spend(budget, Buffer.byteLength(value) + 5, path)
      return value
    case 'number':
      spend(budget, 9, path)
      return numberOf(value, path)
    case 'bigint':
      spend(budget, 9, path)
      return integerOf(value, path)
    case 'boolean':
      spend(budget, 2, path)
      return value
    case 'object':
      return containerOf(value, path, depth, budget)
    default:
      throw new NoTableFormError(path, `is a ${typeof value}, which AMQP has no form for`)
  }
}

function containerOf(value: object | null, path: string, depth: number, budget: Budget): unknown {
  spend(budget, 5, path)
  if (value === null) return null
  if (Array.isArray(value)) {
    if (depth > MAX_DEPTH) throw new NoTableFormError(path, `is nested deeper than ${MAX_DEPTH} levels`)
    // A gap is null, as in JSON.
    return Array.from(value, (item, index) => fieldOf(item ?? null, `${path}[${index}]`, depth + 1, budget))
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return tableOf(value as Table, path, depth, budget)
  throw new NoTableFormError(path, 'is an object of a class, which AMQP has no form for: send text')
}

/** As a `bigint` the library writes 64 bits. Its shorter forms are read wrongly, or not at all, by Python's py-amqp. */
function numberOf(value: number, path: string): number | bigint {
  if (Number.isInteger(value)) return integerOf(BigInt(value), path)
  if (!Number.isFinite(value)) throw new NoTableFormError(path, `is ${value}, which no JSON has either`)
  if (Math.abs(value) < 2 ** 50) return value
  throw new NoTableFormError(path, 'is a fraction beyond 2^50, which does not arrive as it was')
}

function integerOf(value: bigint, path: string): bigint {
  const fits = value >= -(2n ** 63n) && value < 2n ** 63n && BigInt(Number(value)) === value
  if (fits) return value
  throw new NoTableFormError(path, 'is an integer that does not arrive as it was: send it as text')
}

function spend(budget: Budget, bytes: number, path: string): void {
  budget.bytes -= bytes
  if (budget.bytes < 0) {
    throw new NoTableFormError(path, `is beyond the ${MAX_TABLE_BYTES} bytes that headers may take with AMQP`)
  }
}

function plain(value: unknown, path: string, depth: number): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (depth > MAX_DEPTH) throw new NoTableFormError(path, `is nested deeper than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) return value.map((item) => plain(item, path, depth + 1))
  return fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field, path, depth + 1)]))
}

/** Every key is an own one, `__proto__` too. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries)
}

const MAX_DEPTH = 64
// One frame less what the other properties and the queue's name may take.
const MAX_TABLE_BYTES = 120_000
