/** What else is in a process that is to be forked: a child lacks its threads, and inherits what is going on. */
import type { Addon } from '../../../native/addon.ts'

export class Census {
  readonly #addon: Addon
  readonly #ownThreads: ReadonlySet<number>
  readonly #ownResources: readonly string[]

  /** What is there now is Node's own, and this program's: to be made before preloaded code runs. */
  constructor(addon: Addon) {
    this.#addon = addon
    this.#ownThreads = new Set(addon.threads().map(([id]) => id))
    this.#ownResources = process.getActiveResourcesInfo()
  }

  /** Names of the threads that somebody has started since. */
  threads(): string[] {
    return this.#addon.threads().flatMap(([id, name]) => (this.#ownThreads.has(id) ? [] : [name]))
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
