/** The functions of the pool's module, as a child finds them. */
import { CaromError } from '../../errors.ts'

export type AnyFunction = (...args: unknown[]) => unknown
export type Exports = Readonly<Record<string, unknown>>

/** @throws whatever the module throws. A CommonJS module's functions are on `default` where Node could not name them. */
export async function loadExports(module: string): Promise<Exports> {
  const namespace = (await import(module)) as Exports
  const inner = namespace.default
  const isCommonJs = 'module.exports' in namespace || (typeof inner === 'object' && inner !== null)
  return isCommonJs ? { ...(inner as Exports), ...namespace } : { ...namespace }
}

/** @throws CaromError `CAROM_EXPORT_UNKNOWN`. */
export function functionOf(exports: Exports, name: string): AnyFunction {
  const fn = Object.hasOwn(exports, name) ? exports[name] : undefined
  if (typeof fn === 'function') return fn as AnyFunction
  const known = Object.keys(exports).filter((key) => typeof exports[key] === 'function')
  const text = `The module exports no function "${name}"; it has: ${known.join(', ') || 'none'}`
  throw new CaromError('CAROM_EXPORT_UNKNOWN', text, { export: name })
}
