/** What an app knows of one task: data for the sender and the worker, and the way to run it in a child. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { CaromError } from '../errors.ts'
import { bindArguments, validateInput } from './arguments.ts'
import type { TaskSettings } from './task-options.ts'
import type { TaskFunction } from './wire.ts'

export interface TaskDefinition {
  readonly name: string
  readonly settings: TaskSettings
  /** Present for a task that takes one object: the keyword arguments. */
  readonly schema: StandardSchemaV1 | null
  /** Whether somebody else runs it; such a task can only be sent. */
  readonly remote: boolean
  /**
   * Runs the task as a call from the wire asks: binds names to arguments, validates the input, loads the code if it is
   * loaded lazily. The task's value or a promise of it; throws or rejects with what the task throws.
   *
   * @throws CaromError `CAROM_KWARGS_REFUSED`, `CAROM_ARGUMENTS_INVALID`: the call does not fit the task.
   */
  run(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): unknown
}

/** Loads a task's code; called once, and again only if it failed. */
export type TaskLoader = () => Promise<{ readonly default: TaskFunction }>

export function localTask(
  name: string,
  settings: TaskSettings,
  schema: StandardSchemaV1 | null,
  fn: TaskFunction,
): TaskDefinition {
  const call = fn as (...args: unknown[]) => unknown
  return {
    name,
    settings,
    schema,
    remote: false,
    run: (args, kwargs) => {
      const bound = bindArguments({ name, settings, schema }, args, kwargs)
      return schema === null ? call(...bound) : validateInput(name, schema, bound[0]).then(call)
    },
  }
}

export function remoteTask(name: string, settings: TaskSettings): TaskDefinition {
  const run = () => {
    throw new CaromError('CAROM_TASK_UNKNOWN', `Task "${name}" is a remote task: it cannot run here, only be sent`, {
      task: name,
    })
  }
  return { name, settings, schema: null, remote: true, run }
}

/** The function that stands for a task with `load`: loads once, then calls. A failed load is tried again at the next call. */
export function lazyFunction(name: string, load: TaskLoader): (...args: unknown[]) => Promise<unknown> {
  let loading: Promise<(...args: unknown[]) => unknown> | undefined
  const once = async () => {
    const loaded = (await load()).default
    if (typeof loaded === 'function') return loaded as (...args: unknown[]) => unknown
    throw new TypeError(`Cannot load task "${name}": the default export of its module is not a function`)
  }
  return async (...args) => {
    loading ??= once().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return (await loading)(...args)
  }
}
