/** One connection to RabbitMQ at a time: when it is lost, the next one is made by whoever needs it. */
import { isIP } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { CaromError } from '../../errors.ts'
import { backoffMs } from '../../support/backoff.ts'
import { type AmqpAddress, type AmqpHost, storeName } from './address.ts'
import { asCaromError, closed, isRefusal, notLetIn, unavailable } from './errors.ts'
import type { Channel } from './protocol/channel.ts'
import { Connection } from './protocol/connection.ts'

export class Link {
  readonly #address: AmqpAddress
  readonly #name: string
  readonly #store: string
  #connection: Connection | null = null
  #connecting: Promise<Connection> | null = null
  #nextHost = 0
  #blocked: string | null = null
  readonly #unblocked = new Set<() => void>()
  readonly #ending = new AbortController()

  /** @param name shown to operators in RabbitMQ's list of connections. */
  constructor(address: AmqpAddress, name: string) {
    this.#address = address
    this.#name = name
    this.#store = storeName(address)
  }

  /** Why RabbitMQ takes nothing from those who publish (a memory or disk alarm); `null` while it does. */
  get blocked(): string | null {
    return this.#blocked
  }

  /** Connects if there is no connection. @throws CaromError `CAROM_STORE_UNAVAILABLE`, `CAROM_STORE_CLOSED` */
  connect(): Promise<Connection> {
    if (this.#ending.signal.aborted) return Promise.reject(closed(`This connection to ${this.#store}`))
    if (this.#connection !== null) return Promise.resolve(this.#connection)
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null
    })
    return this.#connecting
  }

  /** A new channel. @throws CaromError `CAROM_STORE_UNAVAILABLE`, `CAROM_STORE_CLOSED` */
  async channel(): Promise<Channel> {
    const connection = await this.connect()
    try {
      return await this.within(connection.channel(), 'open a channel')
    } catch (error) {
      throw asCaromError(error, `Cannot open a channel to ${this.#store}`)
    }
  }

  /**
   * Rejects, and gives the connection up, when RabbitMQ has not answered in time. Meanwhile it keeps the process alive,
   * which the connection does not. What RabbitMQ refuses is its own error, by whose code some go on.
   */
  within<T>(asked: Promise<T>, what: string, withinMs = ANSWER_MS): Promise<T> {
    const connection = this.#connection
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // Asked before the connection is given up, with which the alarm is forgotten.
        const alarm = this.#blocked === null ? '' : `: it takes no messages (${this.#blocked} alarm)`
        if (connection !== null) this.#drop(connection)
        reject(unavailable(`RabbitMQ at ${this.#store} did not ${what} within ${withinMs} ms${alarm}`))
      }, withinMs)
      const over = () => clearTimeout(timer)
      asked.then(resolve, reject).finally(over)
    })
  }

  /** Gives the connection up: what still waits to be written goes nowhere. */
  reset(): void {
    if (this.#connection !== null) this.#drop(this.#connection)
  }

  /** Resolves once RabbitMQ takes messages, or after `withinMs`: look at `blocked`. */
  async whileBlocked(withinMs: number): Promise<void> {
    if (this.#blocked === null) return
    const over = new AbortController()
    const wake = () => over.abort()
    this.#unblocked.add(wake)
    await pause(withinMs, undefined, { signal: over.signal }).catch(() => {})
    this.#unblocked.delete(wake)
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#connecting?.catch(() => {})
    const connection = this.#connection
    if (connection === null) return
    this.#connection = null
    const over = new AbortController()
    const patience = pause(CLOSE_MS, undefined, { signal: over.signal }).catch(() => {})
    await Promise.race([connection.close().catch(() => {}), patience])
    over.abort()
    connection.destroy()
  }

  async #connect(): Promise<Connection> {
    const { hosts } = this.#address
    const deadlineMs = performance.now() + CONNECT_MS
    for (let attempt = 0; ; attempt++) {
      const host = hosts[this.#nextHost % hosts.length] as AmqpHost
      try {
        return await this.#open(host)
      } catch (error) {
        this.#nextHost++
        if (this.#ending.signal.aborted) throw closed(`This connection to ${this.#store}`)
        const isRoundOver = attempt % hosts.length === hosts.length - 1
        if (!isRoundOver) continue
        const delayMs = backoffMs(Math.floor(attempt / hosts.length), RECONNECT)
        if (isRefusal(error) || performance.now() + delayMs > deadlineMs) throw this.#cannotConnect(error)
        await pause(delayMs, undefined, { signal: this.#ending.signal }).catch(() => {})
        if (this.#ending.signal.aborted) throw closed(`This connection to ${this.#store}`)
      }
    }
  }

  async #open({ hostname, port, vhost, username, password, tls }: AmqpHost): Promise<Connection> {
    const options = {
      hostname,
      port,
      // The name by which a server behind others' is found; TLS names no addresses.
      tls: tls && { servername: isIP(hostname) === 0 ? hostname : null },
      vhost,
      username,
      password,
      heartbeat: Math.ceil(this.#address.heartbeatMs / 1000),
      frameMax: FRAME_MAX,
      name: this.#name,
      openWithinMs: ATTEMPT_MS,
    }
    const connection: Connection = new Connection(options, {
      blocked: (reason) => this.#block(connection, reason),
      unblocked: () => this.#unblock(),
      ended: () => this.#forget(connection),
    })
    const giveUp = () => connection.destroy()
    this.#ending.signal.addEventListener('abort', giveUp, { once: true })
    try {
      await connection.open()
    } finally {
      this.#ending.signal.removeEventListener('abort', giveUp)
    }
    this.#connection = connection
    return connection
  }

  #drop(connection: Connection): void {
    connection.destroy()
    this.#forget(connection)
  }

  #forget(connection: Connection): void {
    if (connection !== this.#connection) return
    this.#connection = null
    this.#unblock()
  }

  #block(connection: Connection, reason: string): void {
    if (connection === this.#connection) this.#blocked = reason
  }

  #unblock(): void {
    this.#blocked = null
    for (const wake of this.#unblocked) wake()
  }

  #cannotConnect(cause: unknown): CaromError {
    return isRefusal(cause) ? notLetIn(this.#store, cause) : unavailable(`Cannot connect to ${this.#store}`, cause)
  }
}

/** The largest header frame is one less than this: RabbitMQ's own default. */
export const FRAME_MAX = 131_072
const RECONNECT = { firstMs: 100, maxMs: 5_000 }
const CONNECT_MS = 10_000
const ATTEMPT_MS = 5_000
const ANSWER_MS = 20_000
const CLOSE_MS = 2_000
