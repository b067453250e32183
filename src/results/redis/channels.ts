/**
 * How waiting for results is woken, over one connection however many wait: each result has a channel of its own name.
 * A result is looked up once its channel is heard, again when the connection was replaced, and now and then.
 */
import { readResult } from '../../brokers/redis/result-text.ts'
import type { RedisStore } from '../../brokers/redis/store.ts'
import type { ResultMeta } from '../meta.ts'

export interface ChannelsOwner {
  waitsFor(taskId: string): boolean
  found(meta: ResultMeta): void
  load(taskIds: readonly string[]): Promise<readonly (ResultMeta | null)[]>
}

export class ResultChannels {
  readonly #store: RedisStore
  readonly #owner: ChannelsOwner
  /** The tasks that are listened for, by channel. */
  readonly #tasks = new Map<string, string>()
  readonly #hear = (message: Buffer, channel: string) => {
    const taskId = this.#tasks.get(channel)
    if (taskId !== undefined) this.#owner.found(readResult(taskId, message))
  }
  readonly #restored: { stop(): void }
  /** Waits that have just begun, or have just ended: told to the server together. */
  #begun: string[] = []
  #ended: string[] = []
  #flushing = false
  #check: NodeJS.Timeout | null = null

  constructor(store: RedisStore, owner: ChannelsOwner) {
    this.#store = store
    this.#owner = owner
    this.#restored = store.subscriber.whenRestored(() => this.#lookUp([...this.#tasks.values()]))
  }

  begin(taskId: string): void {
    this.#begun.push(taskId)
    this.#check ??= setInterval(() => this.#lookUp([...this.#tasks.values()]), CHECK_MS).unref()
    this.#flush()
  }

  end(taskId: string): void {
    this.#ended.push(taskId)
    this.#flush()
  }

  close(): void {
    this.#restored.stop()
    if (this.#check !== null) clearInterval(this.#check)
    this.#leave([...this.#tasks.values()])
  }

  #flush(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#leaveEnded()
      const begun = this.#begun.splice(0).filter((taskId) => this.#owner.waitsFor(taskId))
      if (begun.length > 0) this.#follow(begun).catch(() => {})
    })
  }

  async #follow(taskIds: readonly string[]): Promise<void> {
    for (const taskId of taskIds) this.#tasks.set(this.#store.keys.result(taskId), taskId)
    const channels = taskIds.map((taskId) => this.#store.keys.result(taskId))
    // Where they cannot be heard, the look after a new connection and the one now and then remain.
    await this.#store.subscriber.listen(channels, this.#hear).catch(() => {})
    await this.#lookUp(taskIds)
  }

  #leaveEnded(): void {
    this.#leave(this.#ended.splice(0).filter((taskId) => !this.#owner.waitsFor(taskId)))
    if (this.#tasks.size > 0 || this.#begun.length > 0 || this.#check === null) return
    clearInterval(this.#check)
    this.#check = null
  }

  #leave(taskIds: readonly string[]): void {
    const channels = taskIds.map((taskId) => this.#store.keys.result(taskId))
    const left = channels.filter((channel) => this.#tasks.delete(channel))
    if (left.length > 0) this.#store.subscriber.leave(left, this.#hear)
  }

  async #lookUp(taskIds: readonly string[]): Promise<void> {
    const wanted = taskIds.filter((taskId) => this.#owner.waitsFor(taskId))
    if (wanted.length === 0) return
    try {
      for (const meta of await this.#owner.load(wanted)) if (meta !== null) this.#owner.found(meta)
    } catch {
      // The next look tries again; whoever waits has a deadline.
    }
  }
}

const CHECK_MS = 5_000
