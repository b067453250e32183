/**
 * One connection that is made when it is needed and made anew when it broke, over the address's endpoints in turn.
 *
 * A command waits for the connection as long as a command may take, then rejects; none is sent twice. Without a
 * command under way the socket keeps no process alive.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { backoffMs } from '../../support/backoff.ts'
import type { RedisAddress, RedisEndpoint } from './address.ts'
import { dial } from './dial.ts'
import { isDemoted, isUntrusted, storeError, toStoreError } from './errors.ts'

export interface ConnectionOwner {
  /** Called with each new connection before any command is sent on it; what it rejects with ends that connection. */
  prepare(client: Redis): Promise<void>
  /** It broke; called once for each that was prepared. */
  broke(): void
}

export class Connection {
  readonly #address: RedisAddress
  readonly #owner: ConnectionOwner
  #client: Redis | null = null
  #opening: Promise<Redis> | null = null
  #failures = 0
  #underWay = 0
  #waiting = 0
  #endpoint = 0
  #closed = false
  #lastError: unknown = null
  readonly #closing = new AbortController()

  constructor(address: RedisAddress, owner: ConnectionOwner) {
    this.#address = address
    this.#owner = owner
  }

  /**
   * Sends commands once there is a connection.
   *
   * @param options `holds`: whether waiting for a connection keeps the process alive. @default true
   * @throws CaromError `CAROM_STORE_...`
   */
  async run<T>(send: (client: Redis) => Promise<T>, { holds = true }: { readonly holds?: boolean } = {}): Promise<T> {
    const client = this.#client ?? (await this.#await(holds))
    if (this.#underWay++ === 0) client.stream?.ref()
    try {
      return await send(client)
    } catch (error) {
      // Of a server that does not answer, or takes no writes any more, nothing else is to be expected either.
      if (isDemoted(error) || isTimeout(error)) this.#drop(client)
      throw toStoreError(this.#address.name, error)
    } finally {
      if (--this.#underWay === 0) client.stream?.unref()
    }
  }

  close(): void {
    this.#closed = true
    this.#closing.abort()
    const client = this.#client
    this.#client = null
    client?.disconnect()
  }

  async #await(holds: boolean): Promise<Redis> {
    if (this.#waiting >= MAX_WAITING) throw this.#unreachable(`${MAX_WAITING} commands wait for a connection already`)
    this.#waiting++
    const { commandTimeoutMs } = this.#address.options
    const over = new AbortController()
    try {
      const late = pause(commandTimeoutMs, null, { signal: over.signal, ref: holds }).catch(() => null)
      const client = await Promise.race([this.#open(), late])
      if (client !== null) return client
      throw this.#lastError ?? this.#unreachable(`it did not answer within ${commandTimeoutMs} ms`)
    } finally {
      over.abort()
      this.#waiting--
    }
  }

  /** The one opening that is under way: all who wait share it. It goes on for as long as somebody waits. */
  #open(): Promise<Redis> {
    this.#opening ??= this.#dialUntilReady().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async #dialUntilReady(): Promise<Redis> {
    for (;;) {
      if (this.#closed) throw storeError('CAROM_STORE_CLOSED', this.#address.name, 'it was closed', 'Open it again')
      if (this.#failures > 0) {
        await pause(backoffMs(this.#failures - 1, BACKOFF), undefined, {
          signal: this.#closing.signal,
          ref: false,
        }).catch(() => {})
      }
      try {
        const client = await this.#dialOnce()
        this.#failures = 0
        this.#lastError = null
        return client
      } catch (error) {
        this.#failures++
        this.#endpoint++
        this.#lastError = toStoreError(this.#address.name, error)
        // Nobody waits any more, or the server has refused this user: a later command tries again.
        if (this.#waiting === 0 || isRefusal(error)) throw this.#lastError
      }
    }
  }

  async #dialOnce(): Promise<Redis> {
    const { endpoints, options } = this.#address
    const endpoint = endpoints[this.#endpoint % endpoints.length] as RedisEndpoint
    const { client, ready } = dial(this.#address, endpoint)
    const timer = setTimeout(() => client.disconnect(), Math.min(options.commandTimeoutMs, MAX_DIAL_MS))
    try {
      await ready
      // What follows has the deadlines of commands.
      clearTimeout(timer)
      await this.#owner.prepare(client)
      if (this.#closed || client.status !== 'ready') throw this.#unreachable('the connection was closed')
    } catch (error) {
      client.disconnect()
      throw error
    } finally {
      clearTimeout(timer)
    }
    this.#client = client
    client.once('end', () => this.#drop(client))
    client.stream?.unref()
    return client
  }

  #drop(client: Redis): void {
    if (this.#client !== client) return
    this.#client = null
    client.disconnect()
    this.#owner.broke()
  }

  #unreachable(what: string): unknown {
    const advice = 'Check that it runs and can be reached from here'
    return storeError('CAROM_STORE_UNAVAILABLE', this.#address.name, what, advice)
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out'
}

/** No further try with the same user, database and certificates can succeed. */
function isRefusal(error: unknown): boolean {
  if (isUntrusted(error)) return true
  // Of sentinels ioredis says first that none of them can be used.
  return (
    error instanceof Error &&
    /(?:^|Last error: )(NOAUTH|WRONGPASS|NOPERM|ERR (AUTH|DB index|invalid password))/.test(error.message)
  )
}

const BACKOFF = { firstMs: 20, maxMs: 2_000 }
const MAX_DIAL_MS = 5_000
const MAX_WAITING = 10_000
