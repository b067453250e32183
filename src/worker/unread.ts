/** Messages whose headers do not say what they are: Celery's protocol v1 has all of it in the body. */
import type { Delivery, DeliveryEnd } from '../brokers/broker.ts'
import { fromWireDate } from '../message/dates.ts'
import { checkMessage } from './child/published.ts'
import type { InternalJobs } from './internal-jobs.ts'
import { runOrder } from './request.ts'
import type { TaskPolicy } from './verdict.ts'

/** How a delivery ends that does not become a request, and why. */
export interface Refusal {
  readonly end: DeliveryEnd
  readonly reason: string
}

export type ReadMessage =
  | { readonly type: 'task'; readonly delivery: Delivery }
  | (Refusal & { readonly type: 'refused' })

/** What is said of a request as long as nobody knows its task. */
export const UNREAD: TaskPolicy = {
  ignoreResult: false,
  storeErrorsEvenIfIgnored: false,
  acksLate: true,
  maxCrashes: 1,
}

/** Has a child read the message. The delivery that it gives is the same one, with a message of protocol v2. */
export async function readUnread(delivery: Delivery, internal: InternalJobs, nowMs: number): Promise<ReadMessage> {
  const { properties } = delivery.message
  const answer = await internal.ask('convert', runOrder(delivery), (said) =>
    checkMessage({ ...(said as object), properties }),
  )
  switch (answer.type) {
    case 'said': {
      const message = answer.value
      // The broker could not see it.
      const waitMs = dueMs(message.headers.eta) - nowMs
      if (waitMs <= 0) return { type: 'task', delivery: { ...delivery, message } }
      return refused({ type: 'release', delayMs: waitMs, count: 'none' }, 'Not due yet, as its body says')
    }
    case 'stopped':
      return refused({ type: 'release', delayMs: 0, count: 'none' }, 'The worker ends')
    default: {
      const reason = `Not a task message: ${answer.failure.message}`
      return refused({ type: 'quarantine', reason }, reason)
    }
  }
}

function refused(end: DeliveryEnd, reason: string): ReadMessage {
  return { type: 'refused', end, reason }
}

function dueMs(eta: unknown): number {
  return (typeof eta === 'string' ? fromWireDate(eta) : null) ?? 0
}
