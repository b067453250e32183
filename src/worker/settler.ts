/**
 * Stores outcomes and ends deliveries. Where broker and backend are one store that is one step; where they are two,
 * the result comes first and the ack last, so that a failure in between repeats work and loses none.
 *
 * While the store cannot be written the outcome waits here and is tried again. Its lease is renewed as far as the store
 * lets it; where that fails for longer than a lease, the outcome may come too late, and is nobody's.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Consumer, DeliveryEnd, Settlement } from '../brokers/broker.ts'
import { encodeFailure } from '../message/failure-meta.ts'
import type { MessageProperties } from '../message/message.ts'
import { encodeWireJson } from '../message/wire-json.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { ResultMeta } from '../results/meta.ts'
import { backoffMs } from '../support/backoff.ts'
import type { Logger } from './log.ts'
import type { Request } from './request.ts'
import { SettleBatch } from './settle-batch.ts'
import type { Verdict } from './verdict.ts'

export interface Stores {
  readonly consumer: Consumer
  readonly backend: ResultBackend
  /** Broker and backend are one store. */
  readonly fused: boolean
}

export interface SettlerOwner {
  /** Outcomes are about to be stored: a claim made now costs no commit of its own. */
  storing(): void
  /** The store has refused an outcome. True if it will never take one again. */
  storeFailed(error: unknown): boolean
}

export class Settler {
  readonly #stores: Stores
  readonly #log: Logger
  readonly #owner: SettlerOwner
  readonly #batch: SettleBatch
  readonly #gaveUp = new AbortController()

  constructor(stores: Stores, log: Logger, owner: SettlerOwner) {
    this.#stores = stores
    this.#log = log
    this.#owner = owner
    this.#batch = new SettleBatch(stores.consumer, () => owner.storing())
  }

  /** Resolves when the outcome is durable, or was nobody's any more (`lost`). */
  async settle(request: Request, verdict: Verdict): Promise<'settled' | 'lost'> {
    const meta = request.ignoresResult ? null : toMeta(request, verdict)
    const { fused, backend } = this.#stores
    return this.#untilDone(request, async (alone) => {
      if (meta !== null && !fused) await backend.save([meta])
      return this.#end(request.token, fused ? meta : null, verdict.end, alone)
    })
  }

  /** `acksLate: false`: the message is gone before the task has run. */
  acknowledge(request: Request): Promise<'settled' | 'lost'> {
    return this.#untilDone(request, (alone) => this.#end(request.token, null, { type: 'ack' }, alone))
  }

  /** The outcome of a request whose message is gone already. */
  async save(request: Request, verdict: Verdict): Promise<void> {
    const meta = request.ignoresResult ? null : toMeta(request, verdict)
    if (meta === null) return
    await this.#untilDone(request, async () => {
      await this.#stores.backend.save([meta])
      return 'settled'
    })
  }

  /** Ends a delivery that never became a request. */
  reject(token: string, end: DeliveryEnd): Promise<'settled' | 'lost'> {
    return this.#end(token, null, end, false)
  }

  /** Outcomes that wait to be stored with others are stored now. */
  hurry(): void {
    this.#batch.hurry()
  }

  /** No further tries: what could not be settled comes back to another worker by its lease. */
  giveUp(): void {
    this.#gaveUp.abort()
  }

  #end(token: string, result: ResultMeta | null, end: DeliveryEnd, alone: boolean): Promise<'settled' | 'lost'> {
    const settlement: Settlement = { token, result, next: [], end }
    return alone ? this.#batch.settleAlone(settlement) : this.#batch.settle(settlement)
  }

  async #untilDone(
    request: Request,
    attempt: (alone: boolean) => Promise<'settled' | 'lost'>,
  ): Promise<'settled' | 'lost'> {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt(tries > 0)
      } catch (error) {
        if (this.#gaveUp.signal.aborted || request.leaseLost || this.#owner.storeFailed(error)) return 'lost'
        this.#log.error(
          { taskId: request.taskId, err: error },
          'The outcome of a task could not be stored; trying again',
        )
        await pause(backoffMs(tries, STORE_BACKOFF), undefined, { signal: this.#gaveUp.signal }).catch(() => {})
      }
    }
  }
}

const STORE_BACKOFF = { firstMs: 100, maxMs: 5_000 }

function toMeta(request: Request, verdict: Verdict): ResultMeta | null {
  if (verdict.status === null) return null
  const { headers, properties } = request.delivery.message
  return {
    taskId: request.taskId,
    status: verdict.status,
    result: verdict.result ?? failureJson(verdict),
    traceback: verdict.failure?.stack ?? null,
    children: request.children,
    parentId: textOrNull(headers.parent_id),
    groupId: textOrNull(headers.group),
    doneAtMs: Date.now(),
    ...replyOf(properties, request.taskId),
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

const NULL_JSON = Buffer.from('null')
