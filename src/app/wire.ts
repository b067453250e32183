/** What crossing the wire does to a value, as types. The wire is JSON with Celery's tags for dates and bytes. */

/**
 * What arrives of a `T` that was sent: the type of a result.
 *
 * - JSON values arrive as they are; `Date` and `Uint8Array` are tagged and arrive as `Date` and `Uint8Array`.
 * - A `bigint` arrives as a `bigint` beyond 2^53, else as a `number`.
 * - `undefined` arrives as `null`; a property that may be `undefined` may be missing.
 * - An object with `toJSON` arrives as what that returns.
 * - Functions, symbols, maps, sets, promises and objects with methods have no form on the wire: {@link NotSendable}.
 *
 * @example type Row = Wire<{ id: bigint; at: Date; note: string | undefined }> // { id: bigint | number; at: Date; note?: string }
 */
export type Wire<T> = unknown extends T
  ? T
  : T extends Plain
    ? T
    : T extends bigint
      ? bigint | number
      : T extends Absent
        ? null
        : T extends Tagged
          ? TaggedAs<T>
          : T extends { toJSON(...args: never[]): infer Json }
            ? Wire<Json>
            : T extends Refused
              ? NotSendable<ReasonFor<T>>
              : T extends readonly unknown[]
                ? WireArray<T>
                : WireObject<T>

/** Stands where a value has no form on the wire; `Reason` says why. No value has this type, so such code does not compile. */
export interface NotSendable<Reason extends string> {
  readonly [notSendable]: Reason
}

/** Any function; what makes one a task is {@link Callable}. */
export type TaskFunction = (...args: never[]) => unknown

/**
 * A function that a worker can call: each argument arrives as the type that the function declares (a `URL` would
 * arrive as a string, a `bigint` perhaps as a number, a `Map` not at all), and the result can be sent.
 */
export type Callable<Args extends readonly unknown[], Result> = (
  ...args: { [Key in keyof Args]: Arriving<Args[Key]> }
) => SendableResult<Result>

/** `T` where a `T` arrives as a `T`, and what arrives instead where not. Unlike {@link Wire} it leaves `undefined` alone. */
export type Arriving<T> = Mirror<T, 'what toJSON gives'>

/** `Args` as they can be sent: like them, with {@link NotSendable} in the place of what has no form on the wire. */
export type SendableArgs<Args extends readonly unknown[]> = { [Key in keyof Args]: Sendable<Args[Key]> }

/** Makes the options of a task with `input` not compile, where the schema's input is no object that arrives as it was sent. */
export type CheckedInput<Input> = unknown extends Input
  ? unknown
  : [Input, Extract<Input, readonly unknown[]>] extends [object, never]
    ? [Arriving<Input>] extends [Input]
      ? unknown
      : { readonly input: Unfit<Arriving<Input>> }
    : { readonly input: NotSendable<'the input must be an object: its keys are the keyword arguments on the wire'> }

/** Stands where a value would arrive as something that the schema does not accept. */
export interface Unfit<Arrives> {
  readonly [notSendable]: Arrives
}

type Sendable<T> = Mirror<T, 'what has toJSON'>

type Mirror<T, Keeping extends 'what toJSON gives' | 'what has toJSON'> = unknown extends T
  ? T
  : T extends Plain | Absent
    ? T
    : T extends bigint
      ? bigint | number
      : T extends Tagged
        ? TaggedAs<T>
        : T extends { toJSON(...args: never[]): infer Json }
          ? Keeping extends 'what has toJSON'
            ? T
            : Wire<Json>
          : T extends Refused
            ? NotSendable<ReasonFor<T>>
            : T extends readonly unknown[]
              ? MirrorArray<T, Keeping>
              : { [Key in keyof T]: Mirror<T[Key], Keeping> }

// A mapped array is resolved at once, an array literal type when it is looked at: only that ends on `type Json = null | Json[]`.
type WireArray<T extends readonly unknown[]> = readonly T[number][] extends T
  ? readonly Wire<T[number]>[]
  : T[number][] extends T
    ? Wire<T[number]>[]
    : { [Key in keyof T]: Wire<T[Key]> }

type MirrorArray<
  T extends readonly unknown[],
  Keeping extends 'what toJSON gives' | 'what has toJSON',
> = readonly T[number][] extends T
  ? readonly Mirror<T[number], Keeping>[]
  : T[number][] extends T
    ? Mirror<T[number], Keeping>[]
    : { [Key in keyof T]: Mirror<T[Key], Keeping> }

/** `Result`, a promise or not, with {@link NotSendable} in the place of what has no form on the wire. */
export type SendableResult<Result> =
  Result extends Promise<infer Value>
    ? Promise<Sendable<Value>>
    : Result extends PromiseLike<infer Value>
      ? PromiseLike<Sendable<Value>>
      : Sendable<Result>

type WireObject<T> = undefined extends T[keyof T]
  ? { [Key in keyof T as MayBeAbsent<T[Key]> extends true ? never : Key]: Wire<T[Key]> } & {
      [Key in keyof T as MayBeAbsent<T[Key]> extends true ? Key : never]?: Wire<Exclude<T[Key], Absent>>
    } extends infer Both
    ? { [Key in keyof Both]: Both[Key] }
    : never
  : { [Key in keyof T]: Wire<T[Key]> }

type MayBeAbsent<T> = unknown extends T ? false : undefined extends T ? true : false

type Plain = string | number | boolean | null
// biome-ignore lint/suspicious/noConfusingVoidType: the result of a function that returns nothing
type Absent = undefined | void
type Tagged = Date | Uint8Array
type TaggedAs<T extends Tagged> = T extends Date ? Date : Uint8Array

type AnyFunction = ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown)
type Refused = AnyFunction | symbol | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | PromiseLike<unknown>
type ReasonFor<T extends Refused> = T extends AnyFunction
  ? 'a function cannot be sent'
  : T extends symbol
    ? 'a symbol cannot be sent'
    : T extends ReadonlyMap<unknown, unknown>
      ? 'a Map cannot be sent: send an array of its entries'
      : T extends ReadonlySet<unknown>
        ? 'a Set cannot be sent: send an array of its values'
        : 'a promise cannot be sent: await it first'

declare const notSendable: unique symbol
