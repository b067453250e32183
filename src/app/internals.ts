/** What a worker needs of an app, found on a shared symbol: the user's copy of Carom and the worker's may be two. */
import type { TaskDefinition } from './definition.ts'
import type { WireFormat } from './wire-format.ts'

export interface AppInternals {
  readonly name: string
  /** The tasks this app can run, by name. */
  readonly tasks: ReadonlyMap<string, TaskDefinition>
  /** Those that somebody else runs. */
  readonly remoteTasks: ReadonlyMap<string, TaskDefinition>
  /** In the order they were registered. A child awaits each, once, before its first task. */
  readonly childInits: readonly (() => unknown)[]
  readonly defaultQueue: string
  /** `undefined`: as long as a backend does by itself. */
  readonly resultExpiresMs: number | undefined
  /** Whether a result says what its call was. */
  readonly resultExtended: boolean
  readonly format: WireFormat
  /** Read when asked, since the environment counts; `undefined` is the embedded store. */
  readonly brokerUrl: string | undefined
  /** Where a broker is named and no result backend, this is the broker's URL. */
  readonly resultBackendUrl: string | undefined
}

export const APP = Symbol.for('carom.app')

/** The apps among the exports of a module, each once; also those of a CommonJS module seen as a default export. */
export function appsIn(exports: unknown): AppInternals[] {
  const candidates = [exports, ...valuesOf(exports), ...valuesOf(read(exports, 'default'))]
  return [...new Set(candidates.map(internalsOf))].filter((app) => app !== undefined)
}

/** The internals of one app, whichever copy of Carom made it; `undefined` for anything else. */
export function internalsOf(value: unknown): AppInternals | undefined {
  return read(value, APP) as AppInternals | undefined
}

function valuesOf(exports: unknown): unknown[] {
  return isObject(exports) ? Object.keys(exports).map((key) => read(exports, key)) : []
}

// A getter of somebody's module may throw; then there is no app behind it.
function read(source: unknown, key: PropertyKey): unknown {
  if (!isObject(source)) return undefined
  try {
    return (source as Record<PropertyKey, unknown>)[key]
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
