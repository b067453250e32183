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
    if (taskId !== undefined && this.#owner.waitsFor(taskId)) this.#owner.found(readResult(taskId, message))
  }
  readonly #restored: { stop(): void }
  /** Waits that have just begun: told to the server together. */
  #begun: string[] = []
  #beginning = false
  /** Those that have ended. Each command takes as long as a hundred channels in it, and none is in a hurry. */
  #ended: string[] = []
  #leaving: NodeJS.Timeout | null = null
  #check: NodeJS.Timeout | null = null

  constructor(store: RedisStore, owner: ChannelsOwner) {
    this.#store = store
    this.#owner = owner
    this.#restored = store.subscriber.whenRestored(() => this.#lookUp([...this.#tasks.values()]))
  }

  begin(taskId: string): void {
    this.#begun.push(taskId)
    this.#check ??= setInterval(() => this.#lookUp([...this.#tasks.values()]), CHECK_MS).unref()
    if (this.#beginning) return
    this.#beginning = true
    setImmediate(() => {
      this.#beginning = false
      const begun = this.#begun.splice(0).filter((id) => this.#owner.waitsFor(id))
      if (begun.length > 0) this.#follow(begun).catch(() => {})
    })
  }

  /** The channel is left within a moment. */
  end(taskId: string): void {
    this.#ended.push(taskId)
    if (this.#ended.length >= MAX_ENDED) this.#leaveEnded()
    else this.#leaving ??= setTimeout(() => this.#leaveEnded(), LEAVE_MS).unref()
  }

  close(): void {
    this.#restored.stop()
    if (this.#leaving !== null) clearTimeout(this.#leaving)
    if (this.#check !== null) clearInterval(this.#check)
    this.#leave([...this.#tasks.values()])
  }

  async #follow(taskIds: readonly string[]): Promise<void> {
    const channels = taskIds.map((taskId) => this.#store.keys.result(taskId))
    for (const [index, channel] of channels.entries()) this.#tasks.set(channel, taskIds[index] as string)
    // Where they cannot be heard, the look after a new connection and the one now and then remain.
    await this.#store.subscriber.listen(channels, this.#hear).catch(() => {})
    await this.#lookUp(taskIds)
  }

  #leaveEnded(): void {
    if (this.#leaving !== null) clearTimeout(this.#leaving)
    this.#leaving = null
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
const LEAVE_MS = 50
const MAX_ENDED = 500
