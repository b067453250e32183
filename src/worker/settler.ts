/**
 * Stores outcomes and ends deliveries. Where broker and backend are one store that is one step; where they are two,
 * the result comes first and the ack last, so that a failure in between repeats work and loses none.
 *
 * What follows the task is published in the same step. Where more than that follows (chords, steps of a chain that will
 * never run), `follower.ts` carries it out before; all of it can be done twice.
 *
 * While the store cannot be written the outcome waits here and is tried again. Its lease is renewed as far as the store
 * lets it; where that fails for longer than a lease, the outcome may come too late, and is nobody's. A connection that
 * breaks may take the answer with it, after the store has done what it was asked: the next try is told `lost` then.
 *
 * What no store will ever take (a queue that cannot be) is tried no further: the task fails, and its message is set
 * aside.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Broker, Consumer, DeliveryEnd, Outgoing, Settlement } from '../brokers/broker.ts'
import { encodeFailure } from '../message/failure-meta.ts'
import type { MessageProperties } from '../message/message.ts'
import { encodeWireJson } from '../message/wire-json.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { ResultMeta } from '../results/meta.ts'
import { backoffMs } from '../support/backoff.ts'
import { type CarriedOut, type Follow, type Follower, needsNoMore } from './follower.ts'
import type { Logger } from './log.ts'
import type { FollowedUp } from './orders.ts'
import type { Request } from './request.ts'
import { SettleBatch } from './settle-batch.ts'
import type { Stage } from './shutdown.ts'
import { isRefusal, worthOfTries } from './store-trouble.ts'
import { unstorable, type Verdict } from './verdict.ts'

type Settled = 'settled' | 'lost'

export interface Stores {
  readonly consumer: Consumer
  readonly backend: ResultBackend
  readonly broker: Pick<Broker, 'publish'>
  /** Broker and backend are one store. */
  readonly fused: boolean
}

export interface SettlerOwner {
  readonly stage: Stage
  /** Outcomes are about to be stored: a claim made now costs no commit of its own. */
  storing(): void
  /** The store has refused an outcome. True if it will never take one again. */
  storeFailed(error: unknown): boolean
}

export class Settler {
  readonly #stores: Stores
  readonly #follower: Follower
  readonly #log: Logger
  readonly #owner: SettlerOwner
  readonly #batch: SettleBatch
  readonly #gaveUp = new AbortController()

  constructor(stores: Stores, follower: Follower, log: Logger, owner: SettlerOwner) {
    this.#stores = stores
    this.#follower = follower
    this.#log = log
    this.#owner = owner
    this.#batch = new SettleBatch(stores.consumer, () => owner.storing())
  }

  /**
   * Stores an outcome with what follows it, and ends the delivery; without an end, where its message was acked before.
   * Resolves when that is durable, or was nobody's any more.
   */
  async settle(request: Request, verdict: Verdict, follow: Follow = null): Promise<void> {
    const meta = toMeta(request, verdict, messagesOf(follow))
    const simply = { next: messagesOf(follow), completed: [], end: verdict.end, lost: false, saved: false }
    let completed: readonly string[] = []
    const settled = await this.#untilDone(request, async (alone) => {
      const isSimply = meta === null || isSimple(follow)
      const carried = isSimply ? simply : await this.#follower.carryOut(request, verdict, meta, follow)
      if (carried.lost) return 'lost'
      completed = carried.completed
      return this.#store(request, request.ignores(verdict.status) ? null : meta, carried, alone)
    })
    if (settled === 'settled') await this.#follower.close(completed)
    if (typeof settled === 'object') await this.#setAside(request, unstorable(verdict, settled.error), settled.error)
  }

  /**
   * `acksLate: false`: the message is gone before the task has run. `unknown`: nobody can say whether it is, since no
   * answer came while its lease lasted.
   */
  async acknowledge(request: Request): Promise<Settled | 'unknown'> {
    const ack = { ...NOTHING, token: request.token, end: ACK }
    const settled = await this.#untilDone(request, (alone) => this.#end(ack, alone))
    return typeof settled === 'object' ? 'unknown' : settled
  }

  /** Ends a delivery that never became a request. */
  reject(token: string, end: DeliveryEnd): Promise<Settled> {
    return this.#end({ ...NOTHING, token, end }, false)
  }

  /** Outcomes that wait to be stored with others are stored now. */
  hurry(): void {
    this.#batch.hurry()
  }

  /** No further tries: what could not be settled comes back to another worker by its lease. */
  giveUp(): void {
    this.#gaveUp.abort()
  }

  /** The outcome, what follows it, the end of the delivery: in this order, and in one store in one step. */
  async #store(
    { token, acknowledgement }: Request,
    outcome: ResultMeta | null,
    { next, end, saved }: CarriedOut,
    alone: boolean,
  ): Promise<Settled> {
    const { fused, backend, broker } = this.#stores
    const isThere = acknowledgement === null
    const left = saved ? null : outcome
    const goesAlong = fused && isThere
    // In one store nothing is awaited before: the settlement is there when the caller hurries.
    if (left !== null && !goesAlong) await backend.save([left])
    if (!isThere) {
      if (next.length > 0) await broker.publish(next)
      return 'settled'
    }
    const ending = this.#end({ token, result: goesAlong ? left : null, next, end }, alone)
    // Whoever waits for what a chord leads to has waited for all its parts already.
    if (saved && next.length > 0) this.hurry()
    return ending
  }

  #end(settlement: Settlement, alone: boolean): Promise<Settled> {
    return alone ? this.#batch.settleAlone(settlement) : this.#batch.settle(settlement)
  }

  /** Whoever waits is told, and the message is kept for a person: it would come to the same end the next time. */
  async #setAside(request: Request, verdict: Verdict | null, error: unknown): Promise<void> {
    const { taskId, task } = request
    this.#log.error({ taskId, task, err: error }, 'The outcome of a task cannot be stored, and is given up')
    if (verdict === null) return
    const meta = request.ignores(verdict.status) ? null : toMeta(request, verdict, [])
    const ended = await this.#untilDone(request, (alone) =>
      this.#store(request, meta, { next: [], completed: [], end: verdict.end, lost: false, saved: false }, alone),
    )
    if (typeof ended !== 'object') return
    this.#log.error(
      { taskId, task, err: ended.error },
      'A message could not be set aside: it comes back with its lease',
    )
  }

  /**
   * Tries until it is done, or needs no more tries. After an answer that never came, `lost` may be our own doing: while
   * the lease lasts nobody else ends a claim, so then the earlier try went through. Later it is `unknown`.
   */
  async #untilDone(
    request: Request,
    attempt: (alone: boolean) => Promise<Settled>,
  ): Promise<Settled | 'unknown' | Unstorable> {
    let mayBeDone = false
    for (let tries = 0; ; tries++) {
      try {
        const settled = await attempt(tries > 0)
        if (settled === 'settled' || !mayBeDone) return settled
        return request.isLeaseOver ? 'unknown' : 'settled'
      } catch (error) {
        mayBeDone ||= !isRefusal(error)
        if (this.#gaveUp.signal.aborted || request.leaseLost || this.#owner.storeFailed(error)) {
          return mayBeDone ? 'unknown' : 'lost'
        }
        if (this.#isHopeless(error, tries)) return { error }
        this.#log.error(
          { taskId: request.taskId, err: error },
          'The outcome of a task could not be stored; trying again',
        )
        await pause(backoffMs(tries, STORE_BACKOFF), undefined, { signal: this.#gaveUp.signal }).catch(() => {})
      }
    }
  }

  #isHopeless(error: unknown, tries: number): boolean {
    // The first try may have failed for what was settled with it.
    if (tries === 0) return false
    const worth = worthOfTries(error)
    return worth === 'none' || (worth === 'some' && (tries >= MAX_UNCLEAR_TRIES || this.#owner.stage !== 'running'))
  }
}

/** No further try would store it. */
interface Unstorable {
  readonly error: unknown
}

// Two minutes or three, by the back-off.
const MAX_UNCLEAR_TRIES = 40
const STORE_BACKOFF = { firstMs: 100, maxMs: 5_000 }

function messagesOf(follow: Follow): readonly Outgoing[] {
  return follow === null || follow === 'unread' ? [] : follow.messages
}

/** With nothing left to do before the settlement. */
function isSimple(follow: Follow): follow is FollowedUp | null {
  return follow === null || (follow !== 'unread' && needsNoMore(follow))
}

function toMeta(request: Request, verdict: Verdict, next: readonly Outgoing[]): ResultMeta | null {
  if (verdict.status === null) return null
  const { headers, properties } = request.delivery.message
  return {
    taskId: request.taskId,
    status: verdict.status,
    result: verdict.result ?? failureJson(verdict),
    traceback: verdict.failure?.stack ?? null,
    // What follows a failure was not the task's doing.
    children: verdict.status === 'SUCCESS' ? [...request.children, ...next.map(idOf)] : request.children,
    parentId: textOrNull(headers.parent_id),
    groupId: textOrNull(headers.group),
    doneAtMs: Date.now(),
    ...replyOf(properties, request.taskId),
    ...request.storedCall,
  }
}

/** Where the sender waits for the result, should the backend be one of messages. */
function replyOf({ reply_to: to, correlation_id: id }: MessageProperties, taskId: string): Pick<ResultMeta, 'reply'> {
  if (typeof to !== 'string' || to === '') return {}
  return { reply: { to, correlationId: typeof id === 'string' ? id : taskId } }
}

/** Headers are a stranger's: what is no text, a `bigint` say, would be a result that no store takes. */
function textOrNull(header: unknown): string | null {
  return typeof header === 'string' ? header : null
}

function failureJson(verdict: Verdict): Uint8Array {
  if (verdict.failure === null) return NULL_JSON
  return Buffer.from(encodeWireJson(encodeFailure(verdict.failure)))
}

function idOf({ message }: Outgoing): string {
  return message.headers.id
}

const ACK: DeliveryEnd = { type: 'ack' }
const NOTHING = { result: null, next: [] }
const NULL_JSON = Buffer.from('null')
