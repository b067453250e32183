/** One Redis, opened: its commands, its scripts, and what wakes those who wait for it. Two connections at most. */
import type { Redis } from 'ioredis'
import { Bell } from '../bell.ts'
import type { RedisAddress } from './address.ts'
import { Connection } from './connection.ts'
import { isNoScript, isNotAllowed, storeError } from './errors.ts'
import { bindingOf, Keys } from './keys.ts'
import { DECLARE } from './list-scripts.ts'
import type { Script } from './script.ts'
import { Subscriber } from './subscriber.ts'

export type Argument = string | number | Buffer

export class RedisStore {
  readonly address: RedisAddress
  readonly name: string
  readonly keys: Keys
  /** Rings when a watched key has changed. */
  readonly bell = new Bell()
  readonly subscriber: Subscriber
  readonly #commands: Connection
  /** To which connection changes are told, by the connection that watches. */
  readonly #watching = new WeakMap<Redis, number>()
  /** Queues that the server knows of by this connection. */
  readonly #declared = new Set<string>()
  #closed = false

  constructor(address: RedisAddress) {
    this.address = address
    this.name = address.name
    this.keys = new Keys(address.options.globalKeyprefix, address.db)
    this.subscriber = new Subscriber(address, { changed: () => this.bell.ring() })
    this.#commands = new Connection(address, {
      prepare: async () => this.#declared.clear(),
      // Whoever waits looks again, on a connection that watches for it.
      broke: () => this.bell.ring(),
    })
  }

  /**
   * Connects, and asks for two keys at once: a node of a Redis Cluster refuses that now, instead of the first task. A
   * user who may not look at these keys may still be allowed what is wanted of him, such as results.
   *
   * @throws CaromError `CAROM_STORE_...`
   */
  async open(): Promise<void> {
    const { queues, due } = this.keys
    await this.run((client) =>
      client.exists(queues, due).catch((error: unknown) => {
        if (!isNotAllowed(error)) throw error
      }),
    )
  }

  run<T>(send: (client: Redis) => Promise<T>): Promise<T> {
    if (!this.#closed) return this.#commands.run(send)
    return Promise.reject(storeError('CAROM_STORE_CLOSED', this.name, 'it was closed', 'Open it again'))
  }

  /** A script's reply, with text as bytes. The server is told the script when it does not know it (any more). */
  script(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    return this.run(async (client) => {
      try {
        return await client.callBuffer('EVALSHA', [script.sha, ...rest])
      } catch (error) {
        if (!isNoScript(error)) throw error
        return client.callBuffer('EVAL', [script.lua, ...rest])
      }
    })
  }

  /** Makes queues known, to producers that name an exchange and to those who count: once per connection and queue. */
  async declare(queues: Iterable<string>): Promise<void> {
    const unknown = [...new Set(queues)].filter((queue) => !this.#declared.has(queue))
    if (unknown.length === 0) return
    const bindings = unknown.map((queue) => this.keys.binding(queue))
    const args = unknown.flatMap((queue) => [queue, bindingOf(queue)])
    await this.script(DECLARE, [this.keys.queues, ...bindings], [LIFETIME_MS, ...args])
    if (this.#declared.size > MAX_DECLARED) this.#declared.clear()
    for (const queue of unknown) this.#declared.add(queue)
  }

  /** Begins the lifetime anew of what is written seldom and needed all the time; what was deleted is declared again. */
  async keepAlive(): Promise<void> {
    const { queues, due } = this.keys
    const [knowsQueues] = await this.run(async (client) => {
      return throwFirst(await client.pipeline().pexpire(queues, LIFETIME_MS).pexpire(due, LIFETIME_MS).exec())
    })
    if (knowsQueues === 0) this.#declared.clear()
  }

  /**
   * Rings the bell when one of these lists, or what is parked, changes from now on. False when one of the lists is not
   * empty now. Where changes cannot be watched, nothing rings: whoever waits looks now and then.
   */
  async watch(lists: readonly string[]): Promise<boolean> {
    // Not awaited: until it is there, whoever waits looks now and then; then the bell rings, and it is watched.
    this.subscriber.start().catch(() => {})
    return this.run(async (client) => {
      const watches = await this.#redirect(client)
      const pipeline = client.pipeline()
      if (watches) pipeline.call('CLIENT', 'CACHING', 'YES')
      pipeline.exists(...lists)
      if (watches) pipeline.call('CLIENT', 'CACHING', 'YES').zcard(this.keys.due)
      const replies = throwFirst(await pipeline.exec())
      return replies[watches ? 1 : 0] === 0
    })
  }

  close(): void {
    this.#closed = true
    this.subscriber.close()
    this.#commands.close()
    this.bell.ring()
  }

  async #redirect(client: Redis): Promise<boolean> {
    const { id } = this.subscriber
    if (id === null) return false
    if (this.#watching.get(client) === id) return true
    try {
      await client.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'OPTIN')
      this.#watching.set(client, id)
      return true
    } catch {
      // It has just gone, or this user may not: there is the slow look.
      return false
    }
  }
}

/** The replies of a pipeline. */
export function throwFirst(replies: readonly (readonly [Error | null, unknown])[] | null): unknown[] {
  return (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error
    return reply
  })
}

/** Every key of ours goes when nothing has touched it for so long. @default 90 days */
export const LIFETIME_MS = 90 * 24 * 3600 * 1000
const MAX_DECLARED = 10_000
