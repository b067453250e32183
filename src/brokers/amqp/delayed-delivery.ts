/**
 * The names and routing keys of Celery's delayed delivery: 28 queues, the N-th of which holds a message for 2^N seconds
 * by its TTL. The routing key begins with the delay in binary, so a message waits in the queues of the bits that are
 * set, and at last goes where the rest of its key says.
 */
import type { QueueType } from './address.ts'

export interface DelayLevel {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** With which keys its exchange feeds its queue, and passes on what does not wait here. */
  readonly waitsKey: string
  readonly passesKey: string
  readonly next: string
}

export const LEVELS = 28
/** About eight and a half years. Who waits longer goes in again. */
export const MAX_DELAY_SECONDS = 2 ** LEVELS - 1
export const FIRST_EXCHANGE = levelName(LEVELS - 1)
export const LAST_EXCHANGE = 'celery_delayed_delivery'

/** The levels, the last one first: nothing gets into one whose next is not there. */
export function delayLevels(type: QueueType): DelayLevel[] {
  return Array.from({ length: LEVELS }, (_, level) => {
    const next = level === 0 ? LAST_EXCHANGE : levelName(level - 1)
    const before = '*.'.repeat(LEVELS - 1 - level)
    return {
      name: levelName(level),
      next,
      waitsKey: `${before}1.#`,
      passesKey: `${before}0.#`,
      arguments: {
        'x-queue-type': type,
        ...(type === 'quorum' && { 'x-dead-letter-strategy': 'at-least-once' }),
        'x-overflow': 'reject-publish',
        'x-message-ttl': 2 ** level * 1000,
        'x-dead-letter-exchange': next,
      },
    }
  })
}

/** The key by which a message waits for `delayMs`, rounded up to whole seconds, so that nothing is early. */
export function delayedKey(delayMs: number, queue: string): string {
  const seconds = Math.min(MAX_DELAY_SECONDS, Math.max(1, Math.ceil(delayMs / 1000)))
  return `${[...seconds.toString(2).padStart(LEVELS, '0')].join('.')}.${queue}`
}

/**
 * The key by which a queue is bound to {@link LAST_EXCHANGE}. Celery binds with `#.` and the queue's name, which also
 * catches what is meant for a queue whose name ends in a dot and that one.
 */
export function dueKey(queue: string): string {
  return `${'*.'.repeat(LEVELS)}${queue}`
}

function levelName(level: number): string {
  return `celery_delayed_${level}`
}
