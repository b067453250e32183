/** The worker's life of one delivery: `waiting` for a child, `running`, `settling`, `gone`. */
import type { Delivery } from '../brokers/broker.ts'
import type { PoolCall } from '../pool/job.ts'
import type { ResultMeta } from '../results/meta.ts'
import type { CalledWith } from './child/called-with.ts'
import type { RunOrder } from './orders.ts'
import type { TaskPolicy } from './verdict.ts'

export type RequestState = 'waiting' | 'running' | 'settling' | 'gone'

export class Request {
  readonly delivery: Delivery
  readonly policy: TaskPolicy
  readonly claimedAtMs = performance.now()
  state: RequestState = 'waiting'
  call: PoolCall | null = null
  startedAtMs: number | null = null
  /** `acksLate: false` only: the ack, asked for as soon as the task has started. Resolves when it is through or refused. */
  acknowledgement: Promise<void> | null = null
  /** The message is gone, although its task runs: no claim is left to keep alive. */
  acknowledged = false
  /** Its ack was asked for, and its lease was over before anybody could say whether that is through. */
  ackUnknown = false
  /** Set when the claim was found to be lost: its outcome is nobody's business any more. */
  leaseLost = false
  /** As its child has told, where results say it. */
  calledWith: Omit<CalledWith, 'taskId'> | null = null
  readonly #leaseMs: number
  readonly #extendedBy: string | null
  readonly #children: string[] = []
  #renewedAtMs = this.claimedAtMs

  /** @param extendedBy how its result names this worker, where it says what the call was. */
  constructor(delivery: Delivery, policy: TaskPolicy, leaseMs: number, extendedBy: string | null = null) {
    this.delivery = delivery
    this.policy = policy
    this.#leaseMs = leaseMs
    this.#extendedBy = extendedBy
  }

  /** The store has begun the lease anew, at this moment (`performance.now()`) or later. */
  renewed(atMs: number): void {
    this.#renewedAtMs = atMs
  }

  /**
   * Whether somebody else may hold the message by now. Until then nobody but this worker ends the claim; RabbitMQ does
   * with the connection, and a run that has begun by then is not undone by ending it.
   */
  get isLeaseOver(): boolean {
    return performance.now() - this.#renewedAtMs >= this.#leaseMs
  }

  get taskId(): string {
    return this.delivery.message.headers.id
  }

  get task(): string {
    return this.delivery.message.headers.task
  }

  /** The first task of its workflow. */
  get rootId(): string {
    const { root_id: root } = this.delivery.message.headers
    return typeof root === 'string' ? root : this.taskId
  }

  get token(): string {
    return this.delivery.token
  }

  /** Ids of the tasks it has sent, as many as a result has room for. */
  get children(): readonly string[] {
    return this.#children
  }

  /** Whether an outcome is not to be stored: as the caller has said, else by the task's own setting. */
  ignores(status: ResultMeta['status'] | null): boolean {
    const { ignore_result: said, lang } = this.delivery.message.headers
    // Python's `send_task` writes `false` where nobody has said anything, and its workers do not heed it.
    const isSaid = said === true || (said === false && lang !== 'py')
    const ignored = isSaid ? said : this.policy.ignoreResult
    return ignored && !(this.policy.storeErrorsEvenIfIgnored && status !== 'SUCCESS')
  }

  /** What its result says of the call; nothing, unless the app wants it. */
  get storedCall(): Pick<ResultMeta, 'call'> {
    if (this.#extendedBy === null) return {}
    const { retries } = this.delivery.message.headers
    return {
      call: {
        name: this.task,
        args: this.calledWith?.args ?? null,
        kwargs: this.calledWith?.kwargs ?? null,
        worker: this.#extendedBy,
        retries: Number.isSafeInteger(retries) ? (retries as number) : 0,
        queue: this.delivery.queue,
      },
    }
  }

  hasSent(taskId: string): void {
    if (this.#children.length < MAX_CHILDREN) this.#children.push(taskId)
  }

  /** The request as Celery's `inspect active` shows one. Arguments are left out: they may be secrets. */
  describe(node: string): Record<string, unknown> {
    const { headers, properties } = this.delivery.message
    return {
      id: this.taskId,
      name: typeof headers.shadow === 'string' ? headers.shadow : this.task,
      type: this.task,
      hostname: node,
      time_start: this.startedAtMs === null ? null : (performance.timeOrigin + this.startedAtMs) / 1000,
      acknowledged: this.acknowledged,
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

// A task that sends others without end would otherwise fill the worker, and then its own result.
const MAX_CHILDREN = 10_000

/** The message of a delivery as a child gets it. */
export function runOrder({ message, queue, counts }: Delivery): RunOrder {
  const { headers, contentType, contentEncoding, body } = message
  return { headers, contentType, contentEncoding, body, queue, attempt: counts.deliveries }
}
