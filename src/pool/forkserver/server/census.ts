/** What else is in a process that is to be forked: a child lacks its threads, and inherits what is going on. */
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Addon } from '../../../native/addon.ts'

/** What a preloaded module has begun, as far as it could be seen when it was loaded. */
interface Begun {
  readonly module: string
  /** Names of threads by id. */
  readonly threads: ReadonlyMap<number, string>
  readonly resources: readonly string[]
}

export class Census {
  readonly #addon: Addon
  readonly #ownThreads: ReadonlySet<number>
  readonly #ownResources: readonly string[]
  readonly #begun: Begun[] = []

  private constructor(addon: Addon) {
    this.#addon = addon
    this.#ownThreads = new Set(addon.threads().map(([id]) => id))
    this.#ownResources = process.getActiveResourcesInfo()
  }

  /**
   * Of what Node itself has, and this program: before preloaded code runs.
   *
   * @throws Error where the system does not tell of a process's threads.
   */
  static async take(addon: Addon): Promise<Census> {
    // Starts the threads of libuv's pool: they are Node's own, and a child gets new ones.
    await stat('/')
    return new Census(addon)
  }

  /** What is there now and was not before is that module's. */
  loaded(url: string): void {
    const known = new Set(this.#begun.flatMap(({ threads }) => [...threads.keys()]))
    const threads = new Map(this.#strangers().filter(([id]) => !known.has(id)))
    const resources = without(
      this.#resources(),
      this.#begun.flatMap((each) => each.resources),
    )
    this.#begun.push({ module: nameOfModule(url), threads, resources })
  }

  /** Why a child would lack something; `null` if it would not. */
  get obstacle(): string | null {
    const strangers = this.#strangers()
    if (strangers.length > 0) {
      const names = strangers.map(([, name]) => name).join(', ')
      const culprits = this.#begun.flatMap(({ module, threads }) =>
        strangers.some(([id]) => threads.has(id)) ? [module] : [],
      )
      const who = culprits.join(' and ') || 'A preloaded module'
      return `${who} has started ${strangers.length} threads (${names}), which a forked child would lack. ${CULPRITS}`
    }
    const more = this.#ownThreads.size - threadsOfNode()
    return more <= 0 ? null : `Node was started with ${more} threads that a forked child would lack. ${FLAG_CULPRITS}`
  }

  /** What was begun and goes on, with whose it is, in words: `/app/db.js: TCPSocketWrap, Timeout`. */
  leftovers(): string[] {
    let rest = this.#resources()
    const told: string[] = []
    for (const { module, resources } of this.#begun) {
      const ended = without(resources, rest)
      const kept = without(resources, ended)
      rest = without(rest, kept)
      if (kept.length > 0) told.push(`${module}: ${kept.join(', ')}`)
    }
    // Begun after its module was loaded: whose it is nobody can say.
    return rest.length > 0 ? [...told, rest.join(', ')] : told
  }

  #strangers(): (readonly [id: number, name: string])[] {
    return this.#addon.threads().filter(([id]) => !this.#ownThreads.has(id))
  }

  /** As Node calls them: `Timeout`, `TCPServerWrap`. */
  #resources(): string[] {
    // A file that is just being closed, as after loading a module, is gone in a moment.
    return without(process.getActiveResourcesInfo(), this.#ownResources).filter((kind) => kind !== 'CloseReq')
  }
}

/** For a person. */
export function nameOfModule(url: string): string {
  return url.startsWith('file:') ? fileURLToPath(url) : url
}

/** The first list less the second; each counts as often as it is there. */
function without(kinds: readonly string[], less: readonly string[]): string[] {
  const rest = [...kinds]
  for (const kind of less) {
    const at = rest.indexOf(kind)
    if (at !== -1) rest.splice(at, 1)
  }
  return rest
}

/** The main one, V8's for delayed tasks, its worker, libuv's pool; and the inspector's where it could not be left out. */
function threadsOfNode(): number {
  const pool = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? '4', 10) || 1
  return 3 + pool + (process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? 0 : 1)
}

const CULPRITS =
  'Usual culprits are a store that was opened, a loader hook, a Worker, a native library: start it in the initializer, or start children by spawn'
const FLAG_CULPRITS =
  'Usual culprits are loader hooks (--import, NODE_OPTIONS): do without them in children, or start children by spawn'
