/**
 * Signatures as they travel: Celery's signature dict, of whatever kind, from whomever. Every part is looked at before
 * it is used; keys that mean nothing here are kept.
 */
import { invalidMessage, isJsonObject, kindOf } from '../message/invalid-message.ts'
import type { SignatureObject } from '../message/task-body.ts'

export interface WireSignature extends SignatureObject {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: Options
  readonly subtask_type: string | null
  readonly immutable: boolean
}

export type Options = Readonly<Record<string, unknown>>

/** What an application adds to a signature. */
export interface Application {
  /** Go before the signature's own. */
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly options?: Options
}

/** @throws CaromError `CAROM_MESSAGE_INVALID`, with the part in `field`. */
export function readSignature(value: unknown, field: string): WireSignature {
  if (!isJsonObject(value)) throw refused(field, value, 'a signature, which is an object')
  const { task, args = [], kwargs = {}, options = {}, subtask_type = null, immutable = false } = value
  if (typeof task !== 'string' || task === '') throw refused(`${field}.task`, task, 'a name')
  if (!Array.isArray(args)) throw refused(`${field}.args`, args, 'an array')
  if (!isJsonObject(kwargs)) throw refused(`${field}.kwargs`, kwargs, 'an object')
  if (!isJsonObject(options)) throw refused(`${field}.options`, options, 'an object')
  const kind = typeof subtask_type === 'string' ? subtask_type : null
  const given = Object.fromEntries(Object.entries(options).filter(([, option]) => option !== null))
  return { ...value, task, args, kwargs, options: given, subtask_type: kind, immutable: immutable === true }
}

/** One signature or a list of them; nothing is an empty list. */
export function readSignatures(value: unknown, field: string): WireSignature[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return [readSignature(value, field)]
  return value.map((item, index) => readSignature(item, `${field}[${index}]`))
}

/** The members of a group or the steps of a chain. */
export function tasksOf(signature: WireSignature, field: string): WireSignature[] {
  const { tasks } = signature.kwargs
  if (Array.isArray(tasks)) return readSignatures(tasks, `${field}.kwargs.tasks`)
  throw refused(`${field}.kwargs.tasks`, tasks, 'an array of signatures')
}

/**
 * The signature with what an application adds. Arguments are prepended, unless it is immutable. Options of the
 * application win, but for the group and the stamps that the signature has already.
 */
export function applied(
  signature: WireSignature,
  { args = [], kwargs = {}, options = {} }: Application,
): WireSignature {
  const own = signature.options
  const isFixed = (name: string) => name in own && (FIXED.has(name) || stampNames(own).includes(name))
  const added = Object.entries(options).filter(
    ([name, value]) => value !== null && value !== undefined && !isFixed(name),
  )
  return {
    ...signature,
    args: signature.immutable ? signature.args : [...args, ...signature.args],
    kwargs: signature.immutable ? signature.kwargs : { ...signature.kwargs, ...kwargs },
    options: { ...own, ...Object.fromEntries(added) },
  }
}

/** The signature with these options, whatever it has said itself. */
export function withOptions(signature: WireSignature, options: Options): WireSignature {
  return { ...signature, options: { ...signature.options, ...options } }
}

export function without(options: Options, names: readonly string[]): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)))
}

/** An option that is a word: an id, a queue. Anything else counts as not given. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function stampNames(options: Options): string[] {
  const names = options.stamped_headers
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
}

export function isGroup({ subtask_type }: WireSignature): boolean {
  return subtask_type === 'group' || subtask_type === 'chunks'
}

export function refused(field: string, found: unknown, expected: string): Error {
  return invalidMessage({}, field, `is ${kindOf(found)}, expected ${expected}`)
}

const FIXED: ReadonlySet<string> = new Set(['group_id', 'stamped_headers'])
