/**
 * One connection to RabbitMQ that is made anew when it is lost. The library would reconnect by itself, but to hosts
 * that share user and vhost, and without a word to those whose channels are gone: here each connection is used once.
 */
import { isIP } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Channel, Connection } from 'rabbitmq-client'
import type { CaromError } from '../../errors.ts'
import { backoffMs } from '../../support/backoff.ts'
import { type AmqpAddress, type AmqpHost, storeName } from './address.ts'
import { closed, isRefusal, unavailable } from './errors.ts'
import { fitFrames, guardFrames, keepBodies } from './frame-guard.ts'

export class Link {
  readonly #address: AmqpAddress
  readonly #name: string
  readonly #store: string
  #connection: Connection | null = null
  #connecting: Promise<Connection> | null = null
  #nextHost = 0
  #blocked: string | null = null
  readonly #unblocked = new Set<() => void>()
  #giveUp: (() => void) | null = null
  readonly #ending = new AbortController()

  /** @param name shown to operators in RabbitMQ's list of connections. */
  constructor(address: AmqpAddress, name: string) {
    guardFrames()
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

  /** A new channel. Its errors are told by what was asked of it, and by its event `close`. */
  async channel(): Promise<Channel> {
    const connection = await this.connect()
    const opening = connection.acquire({ emitErrorsFromChannel: true })
    const channel = await this.within(opening, 'open a channel')
    channel.on('error', () => {})
    keepBodies(channel)
    return channel
  }

  /** Ends a channel, and waits so long for it: of a connection that RabbitMQ does not read none ever ends. */
  async release(channel: Channel): Promise<void> {
    const over = new AbortController()
    const patience = pause(CLOSE_MS, undefined, { signal: over.signal }).catch(() => {})
    await Promise.race([channel.close(), patience])
    over.abort()
  }

  /** Rejects, and gives the connection up, when RabbitMQ has not answered in time. */
  async within<T>(asked: Promise<T>, what: string, withinMs = ANSWER_MS): Promise<T> {
    const connection = this.#connection
    const late = Symbol('late')
    const over = new AbortController()
    try {
      const answer = await Promise.race([asked, pause(withinMs, late, { signal: over.signal })])
      if (answer !== late) return answer as T
    } finally {
      over.abort()
      asked.catch(() => {})
    }
    if (connection !== null) this.#drop(connection)
    throw unavailable(`RabbitMQ at ${this.#store} did not ${what} within ${withinMs} ms`)
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
    if (this.#connection === null) this.#giveUp?.()
    await this.#connecting?.catch(() => {})
    const connection = this.#connection
    if (connection === null) return
    this.#connection = null
    const over = new AbortController()
    const patience = pause(CLOSE_MS, undefined, { signal: over.signal }).catch(() => {})
    await Promise.race([connection.close().catch(() => {}), patience])
    over.abort()
    connection.unsafeDestroy()
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

  #open({ hostname, port, vhost, username, password, tls }: AmqpHost): Promise<Connection> {
    const { heartbeatMs } = this.#address
    return new Promise((resolve, reject) => {
      const connection = new Connection({
        hostname,
        port,
        vhost,
        username,
        password,
        // The name by which a server behind others' is found; TLS names no addresses.
        tls: tls && (isIP(hostname) === 0 ? { servername: hostname } : true),
        heartbeat: Math.ceil(heartbeatMs / 1000),
        connectionTimeout: ATTEMPT_MS,
        connectionName: this.#name,
        frameMax: FRAME_MAX,
        // Otherwise a burst of small messages is written 16 KiB at a time.
        socket: { writableHighWaterMark: 1 << 20 } as never,
      })
      // Also after it was given up: without a listener an error would end the process.
      connection.on('error', (error) => {
        this.#drop(connection)
        reject(error)
      })
      connection.on('connection.blocked', (reason) => this.#block(connection, reason))
      connection.on('connection.unblocked', () => this.#unblock())
      connection.once('connection', () => {
        if (this.#ending.signal.aborted) return this.#drop(connection)
        fitFrames(connection)
        this.#connection = connection
        resolve(connection)
      })
      this.#giveUp = () => {
        connection.unsafeDestroy()
        reject(closed(`This connection to ${this.#store}`))
      }
    })
  }

  #drop(connection: Connection): void {
    connection.unsafeDestroy()
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
    const hint = isRefusal(cause) ? ' (check user, password and vhost of its URL)' : ''
    return unavailable(`Cannot connect to ${this.#store}${hint}`, cause)
  }
}

/** The largest header frame is one less than this: RabbitMQ's own default. */
export const FRAME_MAX = 131_072
const RECONNECT = { firstMs: 100, maxMs: 5_000 }
const CONNECT_MS = 10_000
const ATTEMPT_MS = 5_000
const ANSWER_MS = 20_000
const CLOSE_MS = 2_000
