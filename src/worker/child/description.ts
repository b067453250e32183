/** What a child tells the worker of its app: the worker never loads the app itself. */

export interface AppDescription {
  readonly name: string
  readonly defaultQueue: string
  /** URLs written in the app's source; the worker opens them, no child does. */
  readonly broker: string | null
  readonly resultBackend: string | null
  /** `null`: as long as a backend does by itself. */
  readonly resultExpiresMs: number | null
  readonly resultExtended: boolean
  /** The content types that its children read. */
  readonly acceptContent: readonly string[]
  readonly tasks: readonly TaskDescription[]
}

export interface TaskDescription {
  readonly name: string
  readonly queue: string | null
  readonly ignoreResult: boolean
  readonly storeErrorsEvenIfIgnored: boolean
  readonly acksLate: boolean
  readonly maxCrashes: number
  /** Every worker has it: Celery's own, not the app's. */
  readonly builtin: boolean
}

/** The child is a stranger: what it says is checked before it is believed. */
export function appDescription(said: unknown): AppDescription {
  const { name, defaultQueue, broker, resultBackend, resultExpiresMs, resultExtended, acceptContent, tasks } =
    said as Record<string, unknown>
  return {
    name: text('name', name),
    defaultQueue: text('defaultQueue', defaultQueue),
    broker: typeof broker === 'string' ? broker : null,
    resultBackend: typeof resultBackend === 'string' ? resultBackend : null,
    resultExpiresMs: Number.isSafeInteger(resultExpiresMs) ? Math.max(0, resultExpiresMs as number) : null,
    resultExtended: resultExtended === true,
    acceptContent: (Array.isArray(acceptContent) ? acceptContent : []).filter((type) => typeof type === 'string'),
    tasks: (Array.isArray(tasks) ? tasks : []).map(taskDescription),
  }
}

function taskDescription(said: unknown): TaskDescription {
  const { name, queue, ignoreResult, storeErrorsEvenIfIgnored, acksLate, maxCrashes, builtin } = said as Record<
    string,
    unknown
  >
  return {
    name: text('task name', name),
    queue: typeof queue === 'string' ? queue : null,
    ignoreResult: ignoreResult === true,
    storeErrorsEvenIfIgnored: storeErrorsEvenIfIgnored === true,
    acksLate: acksLate !== false,
    maxCrashes: typeof maxCrashes === 'number' && maxCrashes >= 1 ? maxCrashes : 3,
    builtin: builtin === true,
  }
}

function text(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`The app's child described itself with ${field} ${JSON.stringify(value)}, not a name`)
}
