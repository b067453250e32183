/**
 * Headers as AMQP's field tables have them. Three things do not fit, and are refused when they are sent: numbers that
 * are not finite, integers that do not come back as they were (a reader has 64 bits, and this one 53 and exact powers
 * beyond), and values that are no JSON.
 */
import { MAX_DEPTH } from './protocol/field-table.ts'

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

/** The same table, which can be written. @throws NoTableFormError */
export function checkTable(headers: Table, root: string): Table {
  checkFields(headers, root, 0, { bytes: MAX_TABLE_BYTES })
  return headers
}

interface Budget {
  bytes: number
}

/** Of what a path says of its place, so that nothing is put together for what is in order. */
type Path = string | readonly [path: Path, key: string | number]

function checkFields(object: Table, path: Path, depth: number, budget: Budget): void {
  if (depth > MAX_DEPTH) refuse(path, `is nested deeper than ${MAX_DEPTH} levels`)
  for (const key of Object.keys(object)) {
    const value = object[key]
    if (value === undefined) continue
    const keyBytes = Buffer.byteLength(key)
    if (keyBytes > 255) refuse(path, 'has a name of more than 255 bytes')
    spend(budget, keyBytes + 2, path)
    checkField(value, [path, key], depth + 1, budget)
  }
}

function checkField(value: unknown, path: Path, depth: number, budget: Budget): void {
  switch (typeof value) {
    case 'string':
      return spend(budget, Buffer.byteLength(value) + 5, path)
    case 'number':
      spend(budget, 9, path)
      return checkNumber(value, path)
    case 'bigint':
      spend(budget, 9, path)
      return checkInteger(value, path)
    case 'boolean':
      return spend(budget, 2, path)
    case 'object':
      return checkContainer(value, path, depth, budget)
    default:
      refuse(path, `is a ${typeof value}, which AMQP has no form for`)
  }
}

function checkContainer(value: object | null, path: Path, depth: number, budget: Budget): void {
  spend(budget, 5, path)
  if (value === null) return
  if (Array.isArray(value)) {
    if (depth > MAX_DEPTH) refuse(path, `is nested deeper than ${MAX_DEPTH} levels`)
    // A gap is null, as in JSON.
    for (const [index, item] of value.entries()) checkField(item ?? null, [path, index], depth + 1, budget)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return checkFields(value as Table, path, depth, budget)
  refuse(path, 'is an object of a class, which AMQP has no form for: send text')
}

function checkNumber(value: number, path: Path): void {
  if (Number.isSafeInteger(value)) return
  if (Number.isInteger(value)) return checkInteger(BigInt(value), path)
  if (!Number.isFinite(value)) refuse(path, `is ${value}, which no JSON has either`)
  if (Math.abs(value) >= 2 ** 50) refuse(path, 'is a fraction beyond 2^50, which does not arrive as it was')
}

function checkInteger(value: bigint, path: Path): void {
  const fits = value >= -(2n ** 63n) && value < 2n ** 63n && BigInt(Number(value)) === value
  if (!fits) refuse(path, 'is an integer that does not arrive as it was: send it as text')
}

function spend(budget: Budget, bytes: number, path: Path): void {
  budget.bytes -= bytes
  if (budget.bytes < 0) refuse(path, `is beyond the ${MAX_TABLE_BYTES} bytes that headers may take with AMQP`)
}

function refuse(path: Path, reason: string): never {
  throw new NoTableFormError(textOf(path), reason)
}

function textOf(path: Path): string {
  if (typeof path === 'string') return path
  const [before, key] = path
  return typeof key === 'number' ? `${textOf(before)}[${key}]` : `${textOf(before)}.${key}`
}

// One frame less what the other properties and the queue's name may take.
const MAX_TABLE_BYTES = 120_000
