import type { Message } from '../message/message.ts'
import type { ResultMeta } from '../results/meta.ts'

/**
 * Carries messages. Every implementation passes the same conformance suite (`test/conformance/broker.ts`).
 *
 * A message is *waiting* until a consumer claims it, *claimed* under a token that is new for every claim, and gone
 * once it is settled. A claim that is not renewed within its lease goes back to waiting.
 */
export interface Broker {
  /** Names the store behind this broker, as {@link import('../results/backend.ts').ResultBackend.store} does. */
  readonly store: string
  /**
   * Resolves when every message is durable: all of them or none, except where the store has no such step, and its
   * error says how many are there. The header `eta` is honoured, the property `priority` orders a queue (0 to 255,
   * higher first), equal priorities are first in, first out.
   */
  publish(messages: readonly Outgoing[]): Promise<void>
  consumer(options: ConsumerOptions): Promise<Consumer>
  /**
   * Messages per queue, for every queue that has any. A broker that cannot list its queues counts those in `known` and
   * those it has met itself; one that cannot see what is not due yet, or the claims of others, leaves them out.
   */
  depths(known?: readonly string[]): Promise<readonly QueueDepth[]>
  /** Removes what waits in `queue`, due or not, and returns how many. Claimed messages are left to their workers. */
  purge(queue: string): Promise<number>
  readonly quarantine: Quarantine
  readonly mailbox: Mailbox
  close(): Promise<void>
}

export interface Outgoing {
  readonly queue: string
  readonly message: Message
}

export interface ConsumerOptions {
  readonly queues: readonly string[]
  /** How long a claim lasts without `renew`. */
  readonly leaseMs: number
  /** The worker's node name, shown to operators. */
  readonly node: string
}

/** One worker's way to its messages. */
export interface Consumer {
  /**
   * Whether one call of `settle` at a time is best, since a call costs the store about the same for one settlement as for
   * fifty: a commit, a script. Otherwise calls may overlap.
   */
  readonly settlesInTurn: boolean
  /**
   * Claims up to `max` due messages, waiting until there is at least one; woken by the store. Taking a message and
   * recording the claim is one atomic step. Resolves with `[]` once `signal` is aborted.
   */
  claim(max: number, options: { readonly signal: AbortSignal }): Promise<Delivery[]>
  /** Starts the lease of each claim anew and returns the tokens whose claim is lost: their attempts must end. */
  renew(tokens: readonly string[]): Promise<readonly string[]>
  /**
   * Ends claims, each in one step: the result is stored (never over a SUCCESS), then `next` is published, then the
   * message ends. In the order given; `lost` where the token no longer stands, and then this call has done nothing of it.
   * The whole call is durable when it resolves. When it rejects nothing has happened; but where the connection broke
   * (`CAROM_STORE_UNAVAILABLE`) the answer may be all that was lost, and what it has ended is `lost` when it is settled
   * again. A store without such a step may have published a part; what it has confirmed of that, no further try of the
   * same settlement publishes once more.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly ('settled' | 'lost')[]>
  /** Gives back every claim that was not settled, uncounted, and closes. */
  close(): Promise<void>
}

export interface Delivery {
  /** New for every claim: a late ack of a lost claim touches nothing. */
  readonly token: string
  readonly queue: string
  readonly message: Message
  readonly counts: DeliveryCounts
}

export interface DeliveryCounts {
  /** Claims of this message so far, this one included; those that were given back uncounted are left out. */
  readonly deliveries: number
  /** Times it was given back because the child that ran it died. */
  readonly crashes: number
  /** Times it was given back because no worker knew the task. */
  readonly foreign: number
}

export interface Settlement {
  readonly token: string
  /** Stored in the same step; `null` when the task ignores its result, or the backend is another store. */
  readonly result: ResultMeta | null
  readonly next: readonly Outgoing[]
  readonly end: DeliveryEnd
}

export type DeliveryEnd =
  | { readonly type: 'ack' }
  /**
   * Back to waiting, in its old place, after `delayMs`. `count` says what the return counts as; `none` undoes the
   * claim: it is no delivery either.
   */
  | { readonly type: 'release'; readonly delayMs: number; readonly count: 'none' | 'crash' | 'foreign' }
  /** Set aside. `count` is what brought it there, and is counted with the others; absent, nothing is. */
  | { readonly type: 'quarantine'; readonly reason: string; readonly count?: 'crash' | 'foreign' }

export interface QueueDepth {
  readonly queue: string
  /** Due now. */
  readonly waiting: number
  /** Not due yet (`eta`, or given back with a delay). */
  readonly delayed: number
  readonly claimed: number
}

/** Messages that were set aside for a person to look at. */
export interface Quarantine {
  list(): Promise<readonly QuarantinedMessage[]>
  /** Back to their queue with counts at zero; returns how many were found. */
  replay(taskIds: readonly string[]): Promise<number>
  /** Deleted; returns how many were found. */
  drop(taskIds: readonly string[]): Promise<number>
}

export interface QuarantinedMessage {
  readonly taskId: string
  readonly queue: string
  readonly message: Message
  readonly counts: DeliveryCounts
  readonly reason: string
  readonly atMs: number
}

/** Remote control: a request to every worker, a reply from each. The shapes are Celery's pidbox. */
export interface Mailbox {
  /** Answers requests until closed. An error thrown by `answer` travels as `{ error }`. */
  serve(node: string, answer: (request: ControlRequest) => Promise<unknown>): Promise<{ close(): Promise<void> }>
  /** Asks every worker (or `destination`) and collects replies by node name until `timeoutMs` has passed or `limit` have come. */
  ask(
    request: ControlRequest,
    options: { readonly timeoutMs: number; readonly limit?: number },
  ): Promise<Readonly<Record<string, unknown>>>
}

export interface ControlRequest {
  readonly method: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Node names; `null` is everyone. */
  readonly destination: readonly string[] | null
}
