/**
 * The messages that this process gave back uncounted. RabbitMQ keeps their place, but marks them as delivered before,
 * and a quorum queue counts it; here that is taken back. Another process that gets one counts a delivery too many.
 */
import type { Message } from '../../message/message.ts'

export class ReturnedMessages {
  readonly #returns = new Map<string, number>()

  add(queue: string, message: Message): void {
    const key = keyOf(queue, message)
    const count = this.#returns.get(key) ?? 0
    this.#returns.delete(key)
    this.#returns.set(key, count + 1)
    const [oldest] = this.#returns.keys()
    if (this.#returns.size > MAX_KEPT && oldest !== undefined) this.#returns.delete(oldest)
  }

  count(queue: string, message: Message): number {
    return this.#returns.get(keyOf(queue, message)) ?? 0
  }

  forget(queue: string, message: Message): void {
    this.#returns.delete(keyOf(queue, message))
  }
}

function keyOf(queue: string, { headers, body }: Message): string {
  return JSON.stringify([queue, typeof headers.id === 'string' ? headers.id : null, body.byteLength])
}

const MAX_KEPT = 10_000
