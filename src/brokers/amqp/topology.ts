/**
 * Exchanges, queues and bindings, declared as Celery declares them. Whatever exists with other arguments is used as it
 * is: they are its owner's. One channel, one declaration at a time, since a refused one ends its channel.
 */
import type { AmqpAddress } from './address.ts'
import { delayLevels, dueKey, LAST_EXCHANGE } from './delayed-delivery.ts'
import { asCaromError, codeOf } from './errors.ts'
import type { Link } from './link.ts'
import type { Channel } from './protocol/channel.ts'

/** Where messages are set aside, for all apps of a vhost. */
export const QUARANTINE_QUEUE = 'carom.quarantine'

type Step = (channel: Channel) => Promise<unknown>

export class Topology {
  readonly #link: Link
  readonly #address: AmqpAddress
  readonly #store: string
  #channel: Channel | null = null
  #last: Promise<unknown> = Promise.resolve()
  readonly #queues = new Map<string, Promise<void>>()
  readonly #delayed = new Map<string, Promise<void>>()
  #ladder: Promise<void> | null = null

  constructor(link: Link, address: AmqpAddress, store: string) {
    this.#link = link
    this.#address = address
    this.#store = store
  }

  /** Queues that were declared from here. */
  get met(): readonly string[] {
    return [...this.#queues.keys()].filter((queue) => queue !== QUARANTINE_QUEUE)
  }

  /** The queue with its exchange, so that Celery finds both. */
  declareQueue(queue: string): Promise<void> {
    return remembered(this.#queues, queue, async () => {
      if (queue === QUARANTINE_QUEUE) return this.#declareQuarantine()
      await this.#declare(`queue "${queue}"`, (channel) =>
        channel.queueDeclare({ queue, durable: true, arguments: this.#queueArguments() }),
      )
      const owns = await this.#declare(`exchange "${queue}"`, (channel) =>
        channel.exchangeDeclare({ exchange: queue, type: 'direct', durable: true }),
      )
      if (owns) await this.#declare(`queue "${queue}"`, (channel) => bind(channel, queue, queue, queue))
    })
  }

  /** Celery's delayed delivery, and the way from there to `queue`, which exists. */
  declareDelayed(queue: string): Promise<void> {
    return remembered(this.#delayed, queue, async () => {
      this.#ladder ??= this.#declareLadder().catch((error: unknown) => {
        this.#ladder = null
        throw error
      })
      await this.#ladder
      await this.#declare(`queue "${queue}"`, (channel) => bind(channel, queue, LAST_EXCHANGE, dueKey(queue)))
    })
  }

  /** It may be gone, and is declared again when it is needed. */
  forget(queue: string): void {
    this.#queues.delete(queue)
    this.#delayed.delete(queue)
  }

  /** What was deleted at the entrance of the delayed delivery is declared again when it is needed. */
  forgetDelayed(): void {
    this.#ladder = null
    this.#delayed.clear()
  }

  /** Messages that wait in `queue`; `null` where there is no such queue. */
  async count(queue: string): Promise<number | null> {
    return this.run(async (channel) => {
      try {
        return (await channel.queueDeclare({ queue, passive: true })).messageCount
      } catch (error) {
        if (codeOf(error) === 'NOT_FOUND') return null
        throw error
      }
    }, `count queue "${queue}"`)
  }

  /** How many were deleted: 0 also where there is no such queue. */
  async purge(queue: string): Promise<number> {
    return this.run(async (channel) => {
      try {
        return (await channel.queuePurge({ queue })).messageCount
      } catch (error) {
        if (codeOf(error) === 'NOT_FOUND') return 0
        throw error
      }
    }, `purge queue "${queue}"`)
  }

  /** @throws CaromError `CAROM_STORE_UNAVAILABLE` */
  run<T>(step: (channel: Channel) => Promise<T>, what: string): Promise<T> {
    const next = this.#last.then(async () => {
      try {
        if (this.#channel?.active !== true) this.#channel = await this.#link.channel()
        return await this.#link.within(step(this.#channel), what)
      } catch (error) {
        throw asCaromError(error, `RabbitMQ at ${this.#store} did not ${what}`)
      }
    })
    this.#last = next.catch(() => {})
    return next
  }

  /** False where it exists with other arguments. */
  #declare(what: string, step: Step): Promise<boolean> {
    return this.run(async (channel) => {
      try {
        await step(channel)
        return true
      } catch (error) {
        if (codeOf(error) === 'PRECONDITION_FAILED') return false
        throw error
      }
    }, `declare ${what}`)
  }

  /** Classic whatever the others are: a quorum queue of RabbitMQ 4 drops what was looked at twenty times. */
  async #declareQuarantine(): Promise<void> {
    await this.#declare(`queue "${QUARANTINE_QUEUE}"`, (channel) =>
      channel.queueDeclare({ queue: QUARANTINE_QUEUE, durable: true }),
    )
  }

  async #declareLadder(): Promise<void> {
    const topic = (exchange: string): Step => {
      return (channel) => channel.exchangeDeclare({ exchange, type: 'topic', durable: true })
    }
    await this.#declare(`exchange "${LAST_EXCHANGE}"`, topic(LAST_EXCHANGE))
    for (const { name, arguments: args, next, waitsKey, passesKey } of delayLevels(this.#address.delayedQueueType)) {
      await this.#declare(`exchange "${name}"`, topic(name))
      await this.#declare(`queue "${name}"`, (channel) =>
        channel.queueDeclare({ queue: name, durable: true, arguments: args }),
      )
      await this.#declare(`queue "${name}"`, (channel) => bind(channel, name, name, waitsKey))
      await this.#declare(`exchange "${name}"`, (channel) =>
        channel.exchangeBind({ destination: next, source: name, routingKey: passesKey }),
      )
    }
  }

  #queueArguments(): Record<string, unknown> {
    const { queueType, maxPriority } = this.#address
    return {
      ...(queueType === 'quorum' && { 'x-queue-type': 'quorum' }),
      ...(maxPriority !== null && { 'x-max-priority': maxPriority }),
    }
  }
}

function bind(channel: Channel, queue: string, exchange: string, routingKey: string): Promise<void> {
  return channel.queueBind({ queue, exchange, routingKey })
}

/** Those who ask meanwhile share one try; a failure is not remembered. */
function remembered(done: Map<string, Promise<void>>, key: string, work: () => Promise<void>): Promise<void> {
  const known = done.get(key)
  if (known !== undefined) return known
  const working = work().catch((error: unknown) => {
    done.delete(key)
    throw error
  })
  done.set(key, working)
  const [oldest] = done.keys()
  if (done.size > MAX_REMEMBERED && oldest !== undefined) done.delete(oldest)
  return working
}

// Declaring one again costs three round trips.
const MAX_REMEMBERED = 10_000
