/** The tasks of one app by name, and how what a user wrote becomes one. */
import { checkWord, outOfRange, wrongType } from '../canvas/rules.ts'
import type { Sender } from '../canvas/sender.ts'
import { CaromError } from '../errors.ts'
import { isTaskName } from '../message/headers.ts'
import type { AsyncResult } from '../results/async-result.ts'
import { lazyFunction, localTask, remoteTask, type TaskDefinition } from './definition.ts'
import { attachSendings } from './task.ts'
import { type AnyTaskOptions, checkRemoteOptions, checkTaskOptions, type RemoteTaskOptions } from './task-options.ts'
import type { TaskFunction } from './wire.ts'

export class TaskRegistry {
  readonly #app: string
  readonly #local = new Map<string, TaskDefinition>()
  readonly #remote = new Map<string, TaskDefinition>()

  constructor(app: string) {
    this.#app = app
  }

  /** The tasks that run here. */
  get local(): ReadonlyMap<string, TaskDefinition> {
    return this.#local
  }

  /** The tasks that somebody else runs. */
  get remote(): ReadonlyMap<string, TaskDefinition> {
    return this.#remote
  }

  /** Gives `target` the methods that send the task. @throws CaromError `CAROM_TASK_DUPLICATE`, and nothing has changed. */
  add(definition: TaskDefinition, target: object, sender: Sender<AsyncResult>): void {
    const { name, remote } = definition
    if (this.#local.has(name) || this.#remote.has(name)) {
      const message = `App "${this.#app}" has a task "${name}" already: names are unique in an app`
      throw new CaromError('CAROM_TASK_DUPLICATE', message, { task: name })
    }
    attachSendings(target, definition, sender)
    if (remote) this.#remote.set(name, definition)
    else this.#local.set(name, definition)
  }

  /** @throws CaromError `CAROM_TASK_UNKNOWN` */
  get(name: string): TaskDefinition {
    const definition = this.#local.get(name) ?? this.#remote.get(name)
    if (definition !== undefined) return definition
    throw new CaromError('CAROM_TASK_UNKNOWN', `App "${this.#app}" has no task "${name}"`, { task: name })
  }
}

/** `target` is the function that the user gets back: the one given, or the one that stands for what `load` loads. */
export function defineTask(
  name: string,
  options: AnyTaskOptions,
  fn: TaskFunction | undefined,
): { readonly definition: TaskDefinition; readonly target: TaskFunction } {
  checkTaskName(name)
  const settings = checkTaskOptions(name, options, fn?.length ?? 0)
  const target = taskFunction(name, options, fn)
  return { definition: localTask(name, settings, options.input ?? null, target), target }
}

export function defineRemoteTask(name: string, options: RemoteTaskOptions): TaskDefinition {
  checkWord(name, 'the name of a remote task', 255)
  return remoteTask(name, checkRemoteOptions(name, options))
}

function taskFunction(name: string, { load }: AnyTaskOptions, fn: TaskFunction | undefined): TaskFunction {
  if (load !== undefined && fn !== undefined) {
    throw new TypeError(`Cannot register task "${name}" with both load and a function: give the one that runs`)
  }
  if (load !== undefined) return lazyFunction(name, load)
  if (typeof fn === 'function') return fn
  throw wrongType(fn, `the function of task "${name}"`, 'a function, or load in the options')
}

function checkTaskName(name: unknown): void {
  if (typeof name !== 'string') throw wrongType(name, 'the name of a task', TASK_NAME_RULE)
  if (!isTaskName(name)) throw outOfRange(name, 'the name of a task', TASK_NAME_RULE)
}

const TASK_NAME_RULE = '1 to 255 letters, digits, dots, colons, dashes and underscores'
