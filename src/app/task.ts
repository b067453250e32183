/** The types of a task as its callers see it, and the methods that make a plain function one. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type ApplyOptions, type Call, type CallOptions, checkApplyOptions, NO_OPTIONS } from '../canvas/call.ts'
import { checkIsObject, checkKeys, wrongType } from '../canvas/rules.ts'
import type { Sender } from '../canvas/sender.ts'
import { Signature } from '../canvas/signature.ts'
import { CaromError } from '../errors.ts'
import type { AsyncResult } from '../results/async-result.ts'
import type { TaskDefinition } from './definition.ts'
import type { AnySchema } from './task-options.ts'
import type { Callable, SendableArgs, SendableResult, TaskFunction, Wire } from './wire.ts'

/** The ways to send a task. `Args` are the arguments as `delay` takes them, `Given` as `applyAsync` takes them. */
export interface Sendings<Args extends readonly unknown[], Given, Result> {
  /** The name it travels under. */
  readonly taskName: string
  /**
   * Sends a call and resolves, once the broker has confirmed it, with a handle on its result. Arguments that may be
   * left out at the end may be left out here; an `undefined` before the last one given is refused.
   *
   * @throws CaromError `CAROM_ARGUMENTS_UNENCODABLE`, `CAROM_ARGUMENTS_INVALID`, `CAROM_ARGUMENTS_TOO_LARGE`: nothing was sent.
   * @throws CaromError `CAROM_APP_CLOSED` after `app.close()`.
   * @example const result = await add.delay(2, 3)
   */
  delay(...args: Args): Promise<AsyncResult<Wire<Awaited<Result>>>>
  /**
   * Sends a call with options: later, elsewhere, under an id of yours. Throws what `delay` throws.
   *
   * @throws TypeError, RangeError for an option that is unknown, of a wrong type, or out of range.
   * @example await thumb.applyAsync(['a.png', 320], { countdownMs: 10_000, queue: 'slow', taskId: 'thumb-a' })
   */
  applyAsync(args: Given, options?: ApplyOptions): Promise<AsyncResult<Wire<Awaited<Result>>>>
  /**
   * Sends many calls in one round trip: all of them or none. The handles come in the order of the calls. `options` hold
   * for every call, so `taskId` is not among them.
   *
   * @example const [three, seven] = await add.applyMany([[1, 2], [3, 4]])
   */
  applyMany(
    calls: Iterable<Given>,
    options?: Omit<ApplyOptions, 'taskId'>,
  ): Promise<AsyncResult<Wire<Awaited<Result>>>[]>
  /** The call as a value that can be kept, changed by `set`, written as JSON, and sent. @example add.s(2, 3).set({ queue: 'slow' }) */
  s(...args: Args): Signature<AsyncResult<Wire<Awaited<Result>>>>
}

/** {@link ApplyOptions} of a call whose arguments are given by name. */
export interface NamedApplyOptions<Kwargs> extends ApplyOptions {
  /** The arguments by the names in `argNames`. They travel as keyword arguments. */
  readonly kwargs: Kwargs
}

/** What {@link Sendings} has besides, where a task takes its arguments by name too. */
export interface NamedSendings<Kwargs, Result> {
  /** Sends a call with all its arguments given by name. @example await add.applyAsync([], { kwargs: { a: 2, b: 3 } }) */
  applyAsync(args: readonly [], options: NamedApplyOptions<Kwargs>): Promise<AsyncResult<Wire<Awaited<Result>>>>
}

/** The arguments `Args` under the names `Names`, as far as the names go. */
export type Named<Names extends readonly string[], Args extends readonly unknown[]> = {
  readonly [Position in RequiredPosition<Args> as NameAt<Names, Position>]: Args[Position]
} & {
  readonly [Position in Exclude<PositionOf<Args>, RequiredPosition<Args>> as NameAt<Names, Position>]?: Args[Position]
}

type PositionOf<Args extends readonly unknown[]> = Extract<keyof Args, `${number}`>
type RequiredPosition<Args extends readonly unknown[]> = {
  [Position in PositionOf<Args>]: undefined extends Args[Position] ? never : Position
}[PositionOf<Args>]
type NameAt<Names extends readonly string[], Position extends string> = Position extends keyof Names
  ? Extract<Names[Position], string>
  : never

/** A task that takes positional arguments: the function itself, and the ways to send it. `Names` are its `argNames`. */
export type Task<Fn extends TaskFunction = TaskFunction, Names extends readonly string[] = []> = Fn &
  (Names extends readonly [] ? unknown : NamedSendings<Named<Names, Parameters<Fn>>, ReturnType<Fn>>) &
  Sendings<Parameters<Fn>, Readonly<Parameters<Fn>>, ReturnType<Fn>>

/** A task with `input`: called with what the schema makes of its input, sent with the input itself. */
export type InputTask<Schema extends StandardSchemaV1, Result> = ((
  input: StandardSchemaV1.InferOutput<Schema>,
) => Result) &
  Sendings<[input: StandardSchemaV1.InferInput<Schema>], StandardSchemaV1.InferInput<Schema>, Result>

/** What `app.task` gives for what it was given. */
export type Registered<
  Fn extends TaskFunction,
  Names extends readonly string[],
  Schema extends AnySchema,
> = Schema extends StandardSchemaV1 ? InputTask<Schema, ReturnType<Fn>> : Task<Fn, Names>

/** What a function has to be for a worker to call it: see {@link Callable}; with a schema, it takes what that gives. */
export type Handler<Fn extends TaskFunction, Schema extends AnySchema> = Schema extends StandardSchemaV1
  ? (input: StandardSchemaV1.InferOutput<Schema>) => SendableResult<ReturnType<Fn>>
  : Callable<Parameters<Fn>, ReturnType<Fn>>

/** Somebody else's task: it can be sent, not called. Names and types of keyword arguments are not checked. */
export type RemoteTask<Fn extends TaskFunction = TaskFunction> = NamedSendings<
  Readonly<Record<string, unknown>>,
  ReturnType<Fn>
> &
  Sendings<SendableArgs<Parameters<Fn>>, Readonly<SendableArgs<Parameters<Fn>>>, ReturnType<Fn>>

type AnySendings = Sendings<unknown[], unknown, unknown>

/**
 * Gives `target` the methods that send it, none of them enumerable; what it has of its own stays.
 *
 * @throws CaromError `CAROM_TASK_DUPLICATE` if it is a task already.
 * @throws TypeError if it has a property of such a name, or takes none.
 */
export function attachSendings(target: object, definition: TaskDefinition, sender: Sender<AsyncResult>): void {
  refuseUnfit(target, definition.name)
  for (const [key, value] of Object.entries(createSendings(definition, sender))) {
    Object.defineProperty(target, key, { value })
  }
  Object.defineProperty(target, TASK, { value: definition.name })
}

function createSendings(definition: TaskDefinition, sender: Sender<AsyncResult>): AnySendings {
  const sendOne = async (call: Call) => (await sender.send([call]))[0] as AsyncResult<never>
  return {
    taskName: definition.name,
    delay: async (...args) => sendOne(toCall(definition, givenOf(definition, args), {}, NO_OPTIONS)),
    applyAsync: async (given: unknown, options: ApplyOptions = {}) =>
      sendOne(callWithOptions(definition, given, options)),
    applyMany: async (givens, options = {}) => {
      checkKeys(options, MANY_KEYS, `option of applyMany() of task "${definition.name}"`)
      if (typeof givens?.[Symbol.iterator] !== 'function') {
        throw wrongType(givens, `the calls of applyMany() of task "${definition.name}"`, 'a list of calls')
      }
      const checked = checkApplyOptions(definition.name, options)
      const calls = Array.from(givens, (given) => toCall(definition, given, {}, checked))
      return (await sender.send(calls)) as AsyncResult<never>[]
    },
    s: (...args) =>
      new Signature(
        toCall(definition, givenOf(definition, args), {}, NO_OPTIONS),
        sender as Sender<AsyncResult<never>>,
      ),
  }
}

/** What `applyAsync` would have been given in the place of the arguments of `delay`. */
function givenOf({ name, schema }: TaskDefinition, args: readonly unknown[]): unknown {
  if (schema === null) return args
  if (args.length === 1) return args[0]
  throw invalidInput(name, `${args.length} arguments`)
}

/** With `schema` what is given are the keyword arguments; elsewhere those are an option. */
function callWithOptions(
  definition: TaskDefinition,
  given: unknown,
  options: ApplyOptions & { kwargs?: unknown },
): Call {
  const { name, schema } = definition
  if (schema !== null) return toCall(definition, given, {}, checkApplyOptions(name, options))
  checkIsObject(options, `the options of a call of task "${name}"`)
  const { kwargs = {}, ...others } = options
  return toCall(definition, given, kwargs, checkApplyOptions(name, others))
}

function toCall({ name, schema }: TaskDefinition, given: unknown, kwargs: unknown, options: CallOptions): Call {
  if (schema !== null) {
    checkInputObject(name, given)
    return { task: name, args: [], kwargs: given, options }
  }
  if (!Array.isArray(given)) throw wrongType(given, `the arguments of task "${name}"`, 'an array')
  checkIsObject(kwargs, `kwargs of task "${name}"`)
  return { task: name, args: given, kwargs: kwargs as Call['kwargs'], options }
}

function checkInputObject(task: string, given: unknown): asserts given is Call['kwargs'] {
  if (typeof given !== 'object' || given === null)
    throw invalidInput(task, given === null ? 'null' : `a ${typeof given}`)
  // These do not travel as their keys.
  if (Array.isArray(given) || ArrayBuffer.isView(given)) throw invalidInput(task, 'an array')
  if ('toJSON' in given) throw invalidInput(task, 'an object with toJSON')
}

function invalidInput(task: string, got: string): CaromError {
  return new CaromError('CAROM_ARGUMENTS_INVALID', `Task "${task}" takes one plain object and was given ${got}`, {
    task,
  })
}

function refuseUnfit(target: object, name: string): void {
  if (TASK in target) {
    const message = `Cannot register a function as task "${name}": it is task "${String(target[TASK])}" already, wrap it in another`
    throw new CaromError('CAROM_TASK_DUPLICATE', message, { task: name })
  }
  const taken = ['taskName', 'delay', 'applyAsync', 'applyMany', 's'].filter((key) => Object.hasOwn(target, key))
  if (taken.length > 0) {
    throw new TypeError(
      `Cannot register a function as task "${name}": it has its own ${taken.join(', ')}, wrap it in another`,
    )
  }
  if (!Object.isExtensible(target)) {
    throw new TypeError(`Cannot register a function as task "${name}": it is frozen, wrap it in another`)
  }
}

const TASK = Symbol.for('carom.task')
const MANY_KEYS = [
  'countdownMs',
  'eta',
  'expiresMs',
  'expires',
  'queue',
  'priority',
  'headers',
  'ignoreResult',
  'serializer',
  'compression',
]
