/**
 * The connection that hears: channels, patterns, and that a watched key has changed. What is subscribed is kept here,
 * and asked for again on each new connection.
 */
import type { Redis } from 'ioredis'
import type { RedisAddress } from './address.ts'
import { Connection } from './connection.ts'

type Listener = (message: Buffer, channel: string) => void
/** No sets: most names have one listener, and thousands are listened to. */
type Listeners = Map<string, readonly Listener[]>

export interface SubscriberOwner {
  /** A watched key has changed, or may have. */
  changed(): void
}

export class Subscriber {
  readonly #connection: Connection
  readonly #owner: SubscriberOwner
  readonly #channels: Listeners = new Map()
  readonly #patterns: Listeners = new Map()
  /** Channels that the server was asked for and has not confirmed yet. */
  readonly #asked = new Map<string, Promise<void>>()
  /** Called after a connection was replaced: messages may have been missed. */
  readonly #restored = new Set<() => void>()
  #id: number | null = null
  #check: NodeJS.Timeout | null = null
  #closed = false

  constructor(address: RedisAddress, owner: SubscriberOwner) {
    this.#owner = owner
    this.#connection = new Connection(address, {
      prepare: (client) => this.#prepare(client),
      broke: () => this.#broke(),
    })
  }

  /** The server's number of this connection, to which it may send what it has to say; `null` while there is none. */
  get id(): number | null {
    return this.#id
  }

  /** From now on there is a connection, again and again. Resolves when there is one. */
  async start(): Promise<void> {
    if (this.#closed) return
    this.#check ??= setInterval(() => this.#ping(), CHECK_MS).unref()
    if (this.#id === null) await this.#connection.run((client) => client.ping())
  }

  /** Resolves when what is published from then on is heard. Calls itself `restored` when that was interrupted. */
  async listen(channels: readonly string[], listener: Listener): Promise<void> {
    const added = channels.filter((channel) => add(this.#channels, channel, listener))
    const asked = this.#subscribe(added)
    for (const channel of added) this.#asked.set(channel, asked)
    try {
      // Also what another listener has asked for and the server does not know yet.
      await Promise.all(new Set([asked, ...channels.map((channel) => this.#asked.get(channel))]))
    } finally {
      for (const channel of added) if (this.#asked.get(channel) === asked) this.#asked.delete(channel)
    }
  }

  async #subscribe(channels: readonly string[]): Promise<void> {
    await this.start()
    if (channels.length === 0) return
    await this.#connection.run((client) => {
      // Some may have been left again meanwhile.
      const wanted = channels.filter((channel) => this.#channels.has(channel))
      return subscribe(client, wanted)
    })
  }

  async listenPattern(pattern: string, listener: Listener): Promise<void> {
    add(this.#patterns, pattern, listener)
    await this.start()
    await this.#connection.run((client) => client.psubscribe(pattern))
  }

  /** What cannot be told to the server now ends with the connection. */
  leave(channels: readonly string[], listener: Listener): void {
    const gone = channels.filter((channel) => remove(this.#channels, channel, listener))
    if (gone.length === 0 || this.#id === null || this.#closed) return
    this.#connection.run((client) => unsubscribe(client, gone)).catch(() => {})
  }

  leavePattern(pattern: string, listener: Listener): void {
    if (!remove(this.#patterns, pattern, listener) || this.#id === null || this.#closed) return
    this.#connection.run((client) => client.punsubscribe(pattern)).catch(() => {})
  }

  whenRestored(listener: () => void): { stop(): void } {
    this.#restored.add(listener)
    return { stop: () => this.#restored.delete(listener) }
  }

  close(): void {
    this.#closed = true
    if (this.#check !== null) clearInterval(this.#check)
    this.#connection.close()
  }

  async #prepare(client: Redis): Promise<void> {
    const asked = client.client('ID')
    client.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      const name = channel.toString()
      if (name === INVALIDATIONS) this.#owner.changed()
      else for (const listener of this.#channels.get(name) ?? []) listener(message, name)
    })
    client.on('pmessageBuffer', (pattern: string, channel: Buffer, message: Buffer) => {
      for (const listener of this.#patterns.get(pattern) ?? []) listener(message, channel.toString())
    })
    const [channels, patterns] = [[...this.#channels.keys()], [...this.#patterns.keys()]]
    const [id] = await Promise.all([asked, subscribe(client, [INVALIDATIONS, ...channels])])
    if (patterns.length > 0) await client.psubscribe(...patterns)
    // From now on whoever leaves says so to the server; who left meanwhile could not.
    this.#id = id as number
    try {
      const left = channels.filter((channel) => !this.#channels.has(channel))
      await unsubscribe(client, left)
    } catch (error) {
      this.#id = null
      throw error
    }
    // What happened before was not heard.
    this.#owner.changed()
    for (const listener of this.#restored) listener()
  }

  #broke(): void {
    this.#id = null
    this.#ping()
  }

  /** Finds a connection that is dead, and makes a new one. */
  #ping(): void {
    if (this.#closed) return
    this.#connection.run((client) => client.ping(), { holds: false }).catch(() => {})
  }
}

async function subscribe(client: Redis, channels: readonly string[]): Promise<void> {
  await Promise.all(batches(channels).map((batch) => client.subscribe(...batch)))
}

async function unsubscribe(client: Redis, channels: readonly string[]): Promise<void> {
  await Promise.all(batches(channels).map((batch) => client.unsubscribe(...batch)))
}

function batches(channels: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(channels.length / BATCH) }, (_, at) =>
    channels.slice(at * BATCH, (at + 1) * BATCH),
  )
}

/** True when it is the first of that name. */
function add(listeners: Listeners, name: string, listener: Listener): boolean {
  const known = listeners.get(name)
  if (known === undefined) listeners.set(name, [listener])
  else if (!known.includes(listener)) listeners.set(name, [...known, listener])
  return known === undefined
}

/** True when it was the last of that name. */
function remove(listeners: Listeners, name: string, listener: Listener): boolean {
  const known = listeners.get(name)
  if (known === undefined || !known.includes(listener)) return false
  if (known.length === 1) return listeners.delete(name)
  listeners.set(
    name,
    known.filter((other) => other !== listener),
  )
  return false
}

const INVALIDATIONS = '__redis__:invalidate'
const CHECK_MS = 5_000
const BATCH = 500
