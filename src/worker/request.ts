/** The worker's life of one delivery: `waiting` for a child, `running`, `settling`, `gone`. */
import type { Delivery } from '../brokers/broker.ts'
import type { PoolCall } from '../pool/job.ts'
import type { TaskPolicy } from './verdict.ts'

export type RequestState = 'waiting' | 'running' | 'settling' | 'gone'

export class Request {
  readonly delivery: Delivery
  readonly policy: TaskPolicy
  readonly claimedAtMs = performance.now()
  state: RequestState = 'waiting'
  call: PoolCall | null = null
  startedAtMs: number | null = null
  /** Ids of the tasks it has sent. */
  readonly children: string[] = []
  /** `acksLate: false` only: resolves when the message is acked, which is as soon as it has started. */
  acknowledged: Promise<void> | null = null
  /** Set when the claim was found to be lost: its outcome is nobody's business any more. */
  leaseLost = false

  constructor(delivery: Delivery, policy: TaskPolicy) {
    this.delivery = delivery
    this.policy = policy
  }

  get taskId(): string {
    return this.delivery.message.headers.id
  }

  get task(): string {
    return this.delivery.message.headers.task
  }

  get token(): string {
    return this.delivery.token
  }

  get ignoresResult(): boolean {
    return this.delivery.message.headers.ignore_result ?? this.policy.ignoreResult
  }

  /** The request as Celery's `inspect active` shows one. Arguments are left out: they may be secrets. */
  describe(node: string): Record<string, unknown> {
    const { headers, properties } = this.delivery.message
    return {
      id: this.taskId,
      name: headers.shadow ?? this.task,
      type: this.task,
      hostname: node,
      time_start: this.startedAtMs === null ? null : (performance.timeOrigin + this.startedAtMs) / 1000,
      acknowledged: this.acknowledged !== null,
      delivery_info: {
        exchange: '',
        routing_key: this.delivery.queue,
        priority: properties.priority ?? 0,
        redelivered: this.delivery.counts.deliveries > 1,
      },
      attempt: this.delivery.counts.deliveries,
    }
  }
}
