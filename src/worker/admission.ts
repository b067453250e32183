/** Whether a delivery becomes a request, or ends before anything runs. Pure, but for the time it is told. */
import type { Delivery, DeliveryEnd } from '../brokers/broker.ts'
import { refusalOf } from '../message/body.ts'
import { fromWireDate } from '../message/dates.ts'
import { MAX_NAME_LENGTH } from '../message/headers.ts'
import { isProtocolV2 } from '../message/protocol-v1.ts'
import type { TaskDescription } from './child/description.ts'
import type { Elsewhere } from './neighbours.ts'
import { judgeForeign, type TaskPolicy, tooManyDeliveries, type Verdict } from './verdict.ts'

export type Admission =
  | { readonly type: 'run'; readonly policy: TaskPolicy }
  /** An outcome without a run. */
  | { readonly type: 'decided'; readonly policy: TaskPolicy; readonly verdict: Verdict }
  /** Its headers do not say what it is: a child has to read the body, as that of Celery's protocol v1. */
  | { readonly type: 'unread' }
  /** Not a task message of ours: nothing is stored. */
  | { readonly type: 'refused'; readonly end: DeliveryEnd; readonly reason: string }
  /** The same, of a task that another worker knows. */
  | { readonly type: 'elsewhere'; readonly end: DeliveryEnd; readonly reason: string }

/** What a worker takes. */
export interface Admitting {
  readonly tasks: ReadonlyMap<string, TaskDescription>
  /** Content types. */
  readonly acceptContent: ReadonlySet<string>
  /** Who else knows a task that this worker does not. */
  readonly elsewhere: (task: string) => Elsewhere
}

export function admit(delivery: Delivery, { tasks, acceptContent, elsewhere }: Admitting, nowMs: number): Admission {
  const { headers } = delivery.message
  if (!isProtocolV2(headers)) return refuseUnread(delivery, acceptContent) ?? { type: 'unread' }
  if (!isName(headers.task) || !isName(headers.id)) {
    const reason = `Not a task message: the headers "task" and "id" must be text of 1 to ${MAX_NAME_LENGTH} characters`
    return { type: 'refused', end: { type: 'quarantine', reason }, reason }
  }
  const policy = tasks.get(headers.task)
  if (policy === undefined) {
    const others = elsewhere(headers.task)
    const end = judgeForeign(headers.task, delivery.counts, others)
    const reason = `No task "${headers.task}" is registered in this worker's app`
    return { type: others === 'known' ? 'elsewhere' : 'refused', end, reason }
  }
  const refused = refuseUnread(delivery, acceptContent)
  if (refused !== null) return refused
  const worn = tooManyDeliveries(delivery.counts)
  if (worn !== null) return { type: 'decided', policy, verdict: worn }
  if (isExpired(headers.expires, nowMs)) return { type: 'decided', policy, verdict: EXPIRED }
  return { type: 'run', policy }
}

/** Nothing is decoded and nothing stored: what its sender meant is not known, nor whether it is the sender's to say. */
function refuseUnread({ message }: Delivery, acceptContent: ReadonlySet<string>): Admission | null {
  const refusal = refusalOf(message, acceptContent)
  if (refusal === null) return null
  const reason = `Refused unread: ${refusal.field} ${refusal.problem}`
  return { type: 'refused', end: { type: 'quarantine', reason }, reason }
}

const EXPIRED: Verdict = {
  status: 'REVOKED',
  result: null,
  failure: { name: 'TaskRevokedError', message: 'expired', stack: null, code: null, cause: null, facts: {} },
  end: { type: 'ack' },
}

function isName(header: unknown): header is string {
  return typeof header === 'string' && header !== '' && header.length <= MAX_NAME_LENGTH
}

function isExpired(expires: unknown, nowMs: number): boolean {
  if (typeof expires !== 'string') return false
  const atMs = fromWireDate(expires)
  return atMs !== null && atMs <= nowMs
}
