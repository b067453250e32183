/** What the log says of runs and refusals. Never arguments or results: they may be secrets. */
import type { Delivery } from '../brokers/broker.ts'
import type { Logger } from './log.ts'
import type { Request } from './request.ts'
import type { Refusal } from './unread.ts'
import type { RunOutcome, Verdict } from './verdict.ts'

export function reportRun(log: Logger, request: Request, outcome: RunOutcome, { end }: Verdict): void {
  const { taskId, task, startedAtMs, delivery } = request
  const ranMs = startedAtMs === null ? null : Math.round(performance.now() - startedAtMs)
  const facts = { taskId, task, attempt: delivery.counts.deliveries, ranMs }
  switch (outcome.type) {
    case 'succeeded':
      return log.debug(facts, 'Task succeeded')
    case 'failed':
      return log.warn({ ...facts, error: outcome.failure.name }, 'Task failed')
    case 'unreadable':
      return log.warn({ ...facts, end: end.type }, outcome.failure.message)
    case 'later':
      return log.debug(facts, 'Task goes on later')
    case 'lost':
      return log.error({ ...facts, crashes: delivery.counts.crashes, end: end.type }, outcome.text)
    case 'stopped':
      return log.debug({ ...facts, end: end.type }, 'Task stopped')
  }
}

/** Of a delivery that does not become a request. One that only has to wait is no news. */
export function reportRefusal(log: Logger, { message, queue }: Delivery, { end, reason }: Refusal): void {
  const level = end.type === 'release' && end.count === 'none' ? 'debug' : 'warn'
  const { id, task } = message.headers
  log[level]({ taskId: shown(id), task: shown(task), queue, end: end.type }, reason)
}

/** What was refused may be anything, and of any length. */
function shown(header: unknown): string {
  return typeof header === 'string' ? header.slice(0, MAX_SHOWN) : `(${typeof header})`
}

const MAX_SHOWN = 255
