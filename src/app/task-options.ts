import type { StandardSchemaV1 } from '@standard-schema/spec'
import {
  type Compression,
  checkCompression,
  checkFlag,
  checkInteger,
  checkKeys,
  checkPriority,
  checkQueue,
  checkSerializer,
  wrongType,
} from '../canvas/rules.ts'
import type { SerializerName } from '../message/serializers.ts'
import type { CheckedInput, TaskFunction } from './wire.ts'

/** What a remote task may say about its calls. */
export interface RemoteTaskOptions {
  /** The queue its calls go to. @default the app's queue */
  readonly queue?: string | undefined
  /** 0 to 9; a higher number goes first, except on Redis, where 0 does. @default 0 */
  readonly priority?: number | undefined
  /** Stores no result. `false` leaves it to what a remote task says of itself, unless a call says it. @default false */
  readonly ignoreResult?: boolean | undefined
  /** What its arguments are written in; `auth` is signed. @default the app's serializer, else 'json' */
  readonly serializer?: SerializerName | undefined
  /** What its messages are compressed with. @default the app's compression, else 'none' */
  readonly compression?: Compression | undefined
}

/** What a task of an app may say about its runs besides. */
export interface RunOptions extends RemoteTaskOptions {
  /**
   * `true` acks a call after its outcome is stored: a call whose worker dies runs again. `false` acks when the call
   * starts, Celery's default: a call whose worker dies is lost. @default true
   */
  readonly acksLate?: boolean | undefined
  /** With `ignoreResult`: a failure is stored all the same, for whoever looks by the id. @default false */
  readonly storeErrorsEvenIfIgnored?: boolean | undefined
  /**
   * The death of a child at which the call is given up: its result becomes a `WorkerLostError`, its message goes to the
   * quarantine. 1 to 100, and only with late acks. @default 3
   */
  readonly maxCrashes?: number | undefined
}

/** The options of `app.task`, with the schema of `input` and the names of `argNames` where they are given. */
export interface TaskOptions<Names extends readonly string[] = readonly string[], Schema extends AnySchema = AnySchema>
  extends RunOptions {
  /**
   * A Standard Schema (zod, valibot, arktype, ...) of the one object that the task takes: the keyword arguments on the
   * wire. Validates the object when it is sent, and again in the child, which gives the task what the schema made of
   * it. The object travels as the caller gave it. Not together with `argNames`.
   */
  readonly input?: Schema | undefined
  /**
   * The names of the arguments, in order, at least of those without a default. Declares that the task may be called with
   * keyword arguments, as Python does; without them such a call is refused.
   */
  readonly argNames?: Names | undefined
}

export type AnySchema = StandardSchemaV1 | undefined

/** {@link TaskOptions} where they are inferred; a schema whose input cannot be sent does not compile. */
export type DefinedOptions<Names extends readonly string[], Schema extends AnySchema> = TaskOptions<Names, Schema> &
  (Schema extends StandardSchemaV1 ? CheckedInput<StandardSchemaV1.InferInput<Schema>> : unknown)

/** Options of a task whose code is loaded when it first runs. */
export interface LoadOptions<Fn extends TaskFunction> {
  /** Imports the module whose default export is the task's function. Called once in each child, again only if it failed. */
  readonly load: () => Promise<{ readonly default: Fn }>
}

/** Options with every default filled in; plain data, so that it can travel to the worker. */
export interface TaskSettings {
  /** `null`: the app's default queue. */
  readonly queue: string | null
  readonly priority: number | null
  readonly ignoreResult: boolean
  readonly storeErrorsEvenIfIgnored: boolean
  /** `null`: the app's. */
  readonly serializer: SerializerName | null
  /** `null`: the app's. */
  readonly compression: Compression | null
  readonly acksLate: boolean
  readonly maxCrashes: number
  /** `null`: arguments cannot be given by name. */
  readonly argNames: readonly string[] | null
}

/** What is read of the options, whatever the overload was. */
export interface AnyTaskOptions extends TaskOptions {
  readonly load?: LoadOptions<TaskFunction>['load'] | undefined
}

/**
 * @param arity how many arguments the function declares without a default; 0 where it is not known yet.
 * @throws TypeError, RangeError for what is unknown, of a wrong type, out of range, or makes no sense together.
 */
export function checkTaskOptions(task: string, options: AnyTaskOptions, arity: number): TaskSettings {
  const owner = `of task "${task}"`
  checkKeys(
    options,
    [...SHARED_KEYS, 'acksLate', 'storeErrorsEvenIfIgnored', 'maxCrashes', 'argNames', 'input', 'load'],
    `option ${owner}`,
  )
  const { acksLate, storeErrorsEvenIfIgnored, maxCrashes, argNames, input, load } = options
  if (acksLate !== undefined) checkFlag(acksLate, `acksLate ${owner}`)
  if (storeErrorsEvenIfIgnored !== undefined) checkFlag(storeErrorsEvenIfIgnored, `storeErrorsEvenIfIgnored ${owner}`)
  if (maxCrashes !== undefined) checkInteger(maxCrashes, `maxCrashes ${owner}`, 1, 100)
  if (argNames !== undefined) checkArgNames(argNames, arity, `argNames ${owner}`)
  if (input !== undefined) checkSchema(input, `input ${owner}`)
  if (load !== undefined && typeof load !== 'function')
    throw wrongType(load, `load ${owner}`, 'a function that imports')
  if (acksLate === false && maxCrashes !== undefined) {
    throw new TypeError(
      `Cannot set maxCrashes ${owner} with acksLate false: a call that was acked early never comes back`,
    )
  }
  if (input !== undefined && argNames !== undefined) {
    throw new TypeError(`Cannot set argNames ${owner} together with input: its keys are the names already`)
  }
  return {
    ...sharedSettings(options, owner),
    acksLate: acksLate ?? true,
    storeErrorsEvenIfIgnored: storeErrorsEvenIfIgnored ?? false,
    maxCrashes: maxCrashes ?? DEFAULT_MAX_CRASHES,
    argNames: argNames === undefined ? null : Object.freeze([...argNames]),
  }
}

/** @throws TypeError, RangeError as {@link checkTaskOptions} does. */
export function checkRemoteOptions(task: string, options: RemoteTaskOptions): TaskSettings {
  const owner = `of remote task "${task}"`
  checkKeys(options, SHARED_KEYS, `option ${owner}`)
  return {
    ...sharedSettings(options, owner),
    acksLate: true,
    storeErrorsEvenIfIgnored: false,
    maxCrashes: DEFAULT_MAX_CRASHES,
    argNames: null,
  }
}

function sharedSettings(options: RemoteTaskOptions, owner: string) {
  const { queue, priority, ignoreResult, serializer, compression } = options
  if (queue !== undefined) checkQueue(queue, `queue ${owner}`)
  if (priority !== undefined) checkPriority(priority, `priority ${owner}`)
  if (ignoreResult !== undefined) checkFlag(ignoreResult, `ignoreResult ${owner}`)
  if (serializer !== undefined) checkSerializer(serializer, `serializer ${owner}`)
  if (compression !== undefined) checkCompression(compression, `compression ${owner}`)
  return {
    queue: queue ?? null,
    priority: priority ?? null,
    ignoreResult: ignoreResult ?? false,
    serializer: serializer ?? null,
    compression: compression ?? null,
  }
}

function checkArgNames(names: unknown, arity: number, what: string): void {
  const rule = 'an array of different, non-empty strings'
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string' || name === '')) {
    throw wrongType(names, what, rule)
  }
  if (new Set(names).size < names.length) throw wrongType(names, what, rule)
  if (names.length < arity) {
    throw new TypeError(
      `Cannot set ${what} to ${names.length} names: the function declares ${arity} arguments, name all`,
    )
  }
}

function checkSchema(input: unknown, what: string): void {
  const standard = (input as Partial<StandardSchemaV1> | null)?.['~standard']
  if (typeof standard?.validate !== 'function') throw wrongType(input, what, 'a Standard Schema, such as a zod object')
}

const SHARED_KEYS = ['queue', 'priority', 'ignoreResult', 'serializer', 'compression']
const DEFAULT_MAX_CRASHES = 3
