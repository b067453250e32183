/** The arguments of a call, on both sides of the wire: what a task accepts, and how the wire's form becomes a call. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { CaromError } from '../errors.ts'
import type { TaskSettings } from './task-options.ts'

/** What a task says about its arguments. */
export interface Signed {
  readonly name: string
  readonly settings: TaskSettings
  readonly schema: StandardSchemaV1 | null
}

type Kwargs = Readonly<Record<string, unknown>>

/**
 * The arguments to call the task's function with.
 *
 * @throws CaromError `CAROM_KWARGS_REFUSED` for keyword arguments to a positional task without `argNames`;
 * `CAROM_ARGUMENTS_INVALID` for an unknown name, an argument given twice, or positional arguments to a task with `input`.
 */
export function bindArguments(task: Signed, args: readonly unknown[], kwargs: Kwargs): readonly unknown[] {
  if (task.schema !== null) return [inputOf(task, args, kwargs)]
  const given = Object.keys(kwargs)
  if (given.length === 0) return args
  const names = task.settings.argNames
  if (names === null) throw kwargsRefused(task.name, given)
  const bound = [...args]
  for (const name of given) {
    const position = names.indexOf(name)
    if (position === -1) {
      throw invalid(task.name, `it has no argument "${name}", only ${names.map((known) => `"${known}"`).join(', ')}`)
    }
    if (position < args.length) throw invalid(task.name, `argument "${name}" is given by position and by name`)
    bound[position] = kwargs[name]
  }
  // A hole would reach the function as a missing argument; `undefined` is what its defaults look for.
  return Array.from(bound)
}

/**
 * What `schema` makes of `input`.
 *
 * @throws CaromError `CAROM_ARGUMENTS_INVALID` with `issues`: `{ message, path }` each.
 */
export async function validateInput(task: string, schema: StandardSchemaV1, input: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(input)
  if (result.issues === undefined) return result.value
  const issues = result.issues.map(({ message, path = [] }) => ({ message, path: path.map(pathKey) }))
  const shown = issues.slice(0, MAX_ISSUES_SHOWN).map(({ message, path }) => `${path.join('.') || 'input'}: ${message}`)
  const more = issues.length > shown.length ? ` (and ${issues.length - shown.length} more)` : ''
  throw new CaromError(
    'CAROM_ARGUMENTS_INVALID',
    `The input of task "${task}" is not valid: ${shown.join('; ')}${more}`,
    {
      task,
      issues,
    },
  )
}

function inputOf(task: Signed, args: readonly unknown[], kwargs: Kwargs): Kwargs {
  if (args.length === 0) return kwargs
  throw invalid(task.name, `it takes one object as keyword arguments, and got ${args.length} positional ones`)
}

function kwargsRefused(task: string, given: readonly string[]): CaromError {
  const names = given.map((name) => `"${name}"`).join(', ')
  return new CaromError(
    'CAROM_KWARGS_REFUSED',
    `Task "${task}" takes positional arguments and was given ${names} by name: ` +
      'declare argNames with the names of its arguments, or input with a schema so that it takes one object',
    { task, kwargs: given },
  )
}

function invalid(task: string, why: string): CaromError {
  return new CaromError('CAROM_ARGUMENTS_INVALID', `Task "${task}" cannot be called like that: ${why}`, { task })
}

function pathKey(segment: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof segment === 'object' ? segment.key : segment
  return typeof key === 'number' ? key : String(key)
}

const MAX_ISSUES_SHOWN = 5
