/** What every consumer asks of its caller. */
import type { ConsumerOptions } from './broker.ts'

/** The options with each queue once and the lease in whole milliseconds. */
export function checkConsumerOptions(options: ConsumerOptions): ConsumerOptions {
  const { queues, leaseMs } = options
  if (queues.length === 0) throw new RangeError('Cannot consume from no queue: name at least one')
  if (!(leaseMs > 0 && leaseMs <= MAX_LEASE_MS)) {
    throw new RangeError(`Cannot set leaseMs to ${leaseMs}: expected 1 to ${MAX_LEASE_MS} milliseconds (a day)`)
  }
  return { ...options, queues: [...new Set(queues)], leaseMs: Math.ceil(leaseMs) }
}

export function checkMax(max: number): void {
  if (Number.isSafeInteger(max) && max > 0) return
  throw new RangeError(`Cannot claim ${max} messages: expected a whole number from 1 on`)
}

const MAX_LEASE_MS = 24 * 3600 * 1000
