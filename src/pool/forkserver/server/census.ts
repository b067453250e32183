/** What else is in a process that is to be forked: a child lacks its threads, and inherits what is going on. */
import { stat } from 'node:fs/promises'
import type { Addon } from '../../../native/addon.ts'

export class Census {
  readonly #addon: Addon
  readonly #ownThreads: ReadonlySet<number>
  readonly #ownResources: readonly string[]

  private constructor(addon: Addon) {
    this.#addon = addon
    this.#ownThreads = new Set(addon.threads().map(([id]) => id))
    this.#ownResources = process.getActiveResourcesInfo()
  }

  /** Of what Node itself has, and this program: before preloaded code runs. */
  static async take(addon: Addon): Promise<Census> {
    // Starts the threads of libuv's pool: they are Node's own, and a child gets new ones.
    await stat('/')
    return new Census(addon)
  }

  /** Why a child would lack something; `null` if it would not. */
  get obstacle(): string | null {
    const begun = this.#addon.threads().flatMap(([id, name]) => (this.#ownThreads.has(id) ? [] : [name]))
    if (begun.length > 0) {
      return `A preloaded module has started ${begun.length} threads (${begun.join(', ')}), which a forked child would lack. ${CULPRITS}`
    }
    const more = this.#ownThreads.size - threadsOfNode()
    return more <= 0 ? null : `Node was started with ${more} threads that a forked child would lack. ${FLAG_CULPRITS}`
  }

  /** What was begun since and goes on, as Node calls it: `Timeout`, `TCPServerWrap`. */
  resources(): string[] {
    const begun = process.getActiveResourcesInfo()
    for (const kind of this.#ownResources) {
      const at = begun.indexOf(kind)
      if (at !== -1) begun.splice(at, 1)
    }
    // A file that is just being closed, as after loading a module, is gone in a moment.
    return begun.filter((kind) => kind !== 'CloseReq')
  }
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
