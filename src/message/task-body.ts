import { invalidMessage, isJsonObject, kindOf, type MessageNames } from './invalid-message.ts'

/** A call not yet sent, as it lies in a message. Only its `task` has been looked at. */
export type SignatureObject = Readonly<Record<string, unknown>> & { readonly task: string }

/** What follows the task: sent with it, so that whoever runs it can go on. */
export interface Embed {
  readonly callbacks: readonly SignatureObject[] | null
  readonly errbacks: readonly SignatureObject[] | null
  /** The steps that are left, the next one last. */
  readonly chain: readonly SignatureObject[] | null
  readonly chord: SignatureObject | null
}

export interface TaskBody {
  readonly args: unknown[]
  readonly kwargs: Record<string, unknown>
  readonly embed: Embed
}

/** The parts of a body before anybody has looked at them. */
export type UncheckedParts = Readonly<Record<'args' | 'kwargs' | 'callbacks' | 'errbacks' | 'chain' | 'chord', unknown>>

/** Names the parts in errors: the place they have in the body differs between the protocols. */
export type PartNames = Readonly<Record<keyof UncheckedParts, string>>

/** @throws CaromError `CAROM_MESSAGE_INVALID`, with the part in `field`. */
export function checkTaskBody(names: MessageNames, parts: UncheckedParts, fields: PartNames): TaskBody {
  const { args, kwargs } = parts
  if (!Array.isArray(args)) throw wrongShape(names, fields.args, args, 'an array')
  if (!isJsonObject(kwargs)) throw wrongShape(names, fields.kwargs, kwargs, 'an object')
  const signatures = (part: 'callbacks' | 'errbacks' | 'chain') => checkSignatures(names, fields[part], parts[part])
  const embed = {
    callbacks: signatures('callbacks'),
    errbacks: signatures('errbacks'),
    chain: signatures('chain'),
    chord: parts.chord === undefined || parts.chord === null ? null : checkSignature(names, fields.chord, parts.chord),
  }
  return { args, kwargs, embed }
}

export function wrongShape(names: MessageNames, field: string, found: unknown, expected: string): Error {
  return invalidMessage(names, field, `is ${kindOf(found)}, expected ${expected}`)
}

function checkSignatures(names: MessageNames, field: string, value: unknown): SignatureObject[] | null {
  if (value === undefined || value === null) return null
  if (!Array.isArray(value)) throw wrongShape(names, field, value, 'an array of signatures, or null')
  return value.map((item, index) => checkSignature(names, `${field}[${index}]`, item))
}

function checkSignature(names: MessageNames, field: string, value: unknown): SignatureObject {
  if (!isJsonObject(value)) throw wrongShape(names, field, value, 'a signature, which is an object')
  if (typeof value.task !== 'string') throw wrongShape(names, `${field}.task`, value.task, 'a string')
  return value as SignatureObject
}
