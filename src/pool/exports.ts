/** A module's functions as the pool offers them. */
import type { JobOptions } from './job-options.ts'

type AnyFunction = (...args: never[]) => unknown
/** The names of a module's functions. */
export type FunctionName<M> = { [K in keyof M]: M[K] extends AnyFunction ? K : never }[keyof M] & string
export type Arguments<F> = F extends (...args: infer A) => unknown ? A : never
export type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never

/** The names of functions that take one argument, or can do with one: those that `map` can call. */
export type MappableName<M> = {
  [K in FunctionName<M>]: M[K] extends (item: infer _I) => unknown ? K : never
}[FunctionName<M>]
/** The first parameter of a function. */
export type Item<F> = Arguments<F> extends readonly [(infer I)?, ...unknown[]] ? I : never

/** The names of a module's generators, async or not, and of its functions that give a list. */
export type StreamName<M> = {
  [K in FunctionName<M>]: IsStream<Given<M[K]>> extends true ? K : never
}[FunctionName<M>]
/** What a generator yields. */
export type Yielded<F> =
  Given<F> extends AsyncIterable<infer Y> | Iterable<infer Y> ? Y : unknown extends Given<F> ? unknown : never
/** What a generator returns at its end. */
export type Returned<F> =
  Given<F> extends AsyncGenerator<unknown, infer R> | Generator<unknown, infer R>
    ? R
    : unknown extends Given<F>
      ? unknown
      : undefined

type Given<F> = F extends (...args: never[]) => infer R ? R : never
/** Where nothing is known of the module, any function may be one. */
type IsStream<R> = unknown extends R
  ? true
  : [R] extends [object & (AsyncIterable<unknown> | Iterable<unknown>)]
    ? true
    : false

/** A function of the module: called, it is a job. */
export interface PoolFunction<F> {
  (...args: Arguments<F>): Promise<Result<F>>
  /** The same function with limits, a signal or a priority of its own. */
  with(options: JobOptions): (...args: Arguments<F>) => Promise<Result<F>>
}

/** A module's functions as the pool offers them: each gives a promise. */
export type PoolExports<M> = { readonly [K in FunctionName<M>]: PoolFunction<M[K]> }

type Call = (name: string, args: readonly unknown[], options: JobOptions) => Promise<unknown>

export function poolExports<M>(call: Call): PoolExports<M> {
  const known = new Map<string, unknown>()
  return new Proxy({} as PoolExports<M>, {
    get: (_, name) => {
      // `await pool.exports` and a debugger look for names that no module has meant to export.
      if (typeof name === 'symbol' || name === 'then') return undefined
      let fn = known.get(name)
      if (fn === undefined) {
        fn = poolFunction(call, name)
        known.set(name, fn)
      }
      return fn
    },
  })
}

function poolFunction(call: Call, name: string): unknown {
  const plain = (...args: unknown[]) => call(name, args, {})
  return Object.assign(plain, {
    with:
      (options: JobOptions) =>
      (...args: unknown[]) =>
        call(name, args, options),
  })
}
