/**
 * Messages that were set aside, in one queue. Looking means taking all of it and giving it back: one looks at a time,
 * and what was taken is given back by RabbitMQ itself if the one who looks dies.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { backoffMs } from '../../support/backoff.ts'
import type { Quarantine, QuarantinedMessage } from '../broker.ts'
import { asCaromError, codeOf, unavailable } from './errors.ts'
import { prepare } from './prepared.ts'
import type { Channel } from './protocol/channel.ts'
import type { Delivered } from './protocol/incoming.ts'
import { readQuarantined } from './quarantined.ts'
import type { AmqpStore } from './store.ts'
import { QUARANTINE_QUEUE } from './topology.ts'

interface Taken {
  readonly deliveryTag: number
  readonly quarantined: QuarantinedMessage
}

export class AmqpQuarantine implements Quarantine {
  readonly #store: AmqpStore

  constructor(store: AmqpStore) {
    this.#store = store
  }

  list(): Promise<readonly QuarantinedMessage[]> {
    return this.#look(async (taken) => taken.map(({ quarantined }) => quarantined))
  }

  replay(taskIds: readonly string[]): Promise<number> {
    return this.#look(async (taken, channel) => {
      const chosen = among(taken, taskIds)
      await this.#store.publish(chosen.map(({ quarantined: { queue, message } }) => prepare(queue, message)))
      for (const { deliveryTag } of chosen) channel.basicAck({ deliveryTag })
      return chosen.length
    })
  }

  drop(taskIds: readonly string[]): Promise<number> {
    return this.#look(async (taken, channel) => {
      const chosen = among(taken, taskIds)
      for (const { deliveryTag } of chosen) channel.basicAck({ deliveryTag })
      return chosen.length
    })
  }

  async #look<T>(work: (taken: readonly Taken[], channel: Channel) => Promise<T>): Promise<T> {
    const { channel, taken } = await this.#takeAll()
    try {
      const outcome = await work(taken, channel)
      await this.#giveBack(channel)
      return outcome
    } catch (error) {
      throw this.#failed(error)
    } finally {
      await channel.close()
    }
  }

  /** As the only consumer: somebody else who looks at this moment has to be through first. */
  async #takeAll(): Promise<{ readonly channel: Channel; readonly taken: readonly Taken[] }> {
    const deadlineMs = performance.now() + EXCLUSIVE_MS
    for (let attempt = 0; ; attempt++) {
      await this.#store.topology.declareQueue(QUARANTINE_QUEUE)
      const channel = await this.#store.link.channel()
      try {
        return { channel, taken: await this.#take(channel) }
      } catch (error) {
        await channel.close()
        // It was declared before, and deleted since.
        if (codeOf(error) === 'NOT_FOUND') this.#store.topology.forget(QUARANTINE_QUEUE)
        const isWorthIt = ['ACCESS_REFUSED', 'NOT_FOUND'].includes(codeOf(error)) && performance.now() < deadlineMs
        if (!isWorthIt) throw this.#failed(error)
        await pause(backoffMs(attempt, { firstMs: 20, maxMs: 500 }))
      }
    }
  }

  async #take(channel: Channel): Promise<readonly Taken[]> {
    const taken: Taken[] = []
    const deliver = (raw: Delivered) => {
      taken.push({ deliveryTag: raw.deliveryTag, quarantined: readQuarantined(raw) })
    }
    const consumerTag = 'quarantined'
    const asked = channel.basicConsume({ queue: QUARANTINE_QUEUE, consumerTag, exclusive: true }, deliver)
    await this.#store.link.within(asked, 'show what is in quarantine')
    // Everything is on its way as soon as nothing is left there.
    const empty = async () => {
      const { messageCount } = await channel.queueDeclare({ queue: QUARANTINE_QUEUE, passive: true })
      return messageCount === 0
    }
    const deadlineMs = performance.now() + TAKING_MS
    while (!(await this.#store.link.within(empty(), 'count what is in quarantine'))) {
      if (performance.now() > deadlineMs)
        throw unavailable(`The quarantine at ${this.#store.name} was not delivered within ${TAKING_MS} ms`)
      await pause(5)
    }
    await this.#store.link.within(channel.basicCancel({ consumerTag }), 'stop showing what is in quarantine')
    return taken
  }

  async #giveBack(channel: Channel): Promise<void> {
    // Tag 0: all that is not acked.
    channel.basicNack({ deliveryTag: 0, multiple: true, requeue: true })
    await this.#store.link.within(channel.basicQos({ prefetchCount: 0 }), 'take back what is in quarantine')
  }

  #failed(error: unknown): Error {
    return asCaromError(error, `The quarantine at ${this.#store.name} cannot be looked at`)
  }
}

function among(taken: readonly Taken[], taskIds: readonly string[]): readonly Taken[] {
  const asked = new Set(taskIds)
  return taken.filter(({ quarantined }) => asked.has(quarantined.taskId))
}

const EXCLUSIVE_MS = 10_000
const TAKING_MS = 60_000
