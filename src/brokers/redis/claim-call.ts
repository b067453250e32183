/** The scripts that claim and put what is due into its list, and what a claim took when its reply did not come. */
import type { ConsumerOptions } from '../broker.ts'
import { CLAIM } from './claim-script.ts'
import { scan } from './depths.ts'
import type { Taken } from './ending.ts'
import { fieldKeys, markOf, newNonce, STEPS, suffixOf, tailOf } from './keys.ts'
import { PROMOTE } from './promote-script.ts'
import { LIFETIME_MS, type RedisStore } from './store.ts'

export interface Claimed {
  readonly taken: readonly Taken[]
  /** The server's clock. */
  readonly nowMs: number
  /** Until something parked is due or a lease ends; `Infinity` where none does, 0 where another call is due. */
  readonly nextMs: number
  /** The lease of some claim is over now. */
  readonly leaseOver: boolean
  /** Messages lie in the lists again that a worker of ours had given back because it did not know the task. */
  readonly foreign: boolean
}

export class ClaimCall {
  readonly #store: RedisStore
  readonly #options: ConsumerOptions
  readonly #nonce = newNonce()
  /** All the lists of the queues. */
  readonly lists: readonly string[]
  /** Marks of the calls that failed: what they took, if anything, is held by nobody. */
  readonly #failed = new Set<string>()
  #calls = 0
  /** By our clock: when something parked is due. */
  #dueAtMs = Infinity
  #most = MAX_TAKEN

  constructor(store: RedisStore, options: ConsumerOptions) {
    this.#store = store
    this.#options = options
    this.lists = options.queues.flatMap((queue) => store.keys.lists(queue))
  }

  /**
   * Takes messages, or puts what is due into its list. Never both in one call: others wait for these lists too, and a
   * worker that knows the task may be among them. And not twice in turn: messages that become due without end must not
   * keep the others from being taken.
   *
   * @param receive does with what was taken what is to be done before the call has succeeded.
   */
  async claim<T>(max: number, receive: (claimed: Claimed) => Promise<T>): Promise<T> {
    const promoted = Date.now() >= this.#dueAtMs ? await this.#promote() : null
    if (promoted !== null) return receive(promoted)
    const mark = `${this.#nonce}-${this.#calls.toString(36)}`
    try {
      const received = await receive(await this.#take(Math.min(max, this.#most), mark))
      this.#most = Math.min(MAX_TAKEN, this.#most * 2)
      return received
    } catch (error) {
      this.#failed.add(mark)
      // Perhaps its reply is more than the line can carry in time, and would be so again.
      this.#most = 1
      throw error
    }
  }

  /** The fields that the calls which failed have left behind; then these calls are forgotten, once `end` succeeds. */
  async settleFailed(end: (fields: readonly string[]) => Promise<void>): Promise<void> {
    const marks = [...this.#failed]
    if (marks.length === 0) return
    const fields: string[] = []
    for await (const [field] of scan(this.#store, this.#store.keys.leases)) {
      if (marks.includes(markOf(field))) fields.push(field)
    }
    await end(fields)
    for (const mark of marks) this.#failed.delete(mark)
  }

  /** `null` where there was nothing to be put. */
  async #promote(): Promise<Claimed | null> {
    const { keys, address } = this.#store
    const args = [address.options.globalKeyprefix]
    const [moved, foreign] = (await this.#store.script(PROMOTE, fieldKeys(keys), args)) as readonly [number, number]
    this.#dueAtMs = Infinity
    return moved === 0 ? null : { taken: [], nowMs: 0, nextMs: 0, leaseOver: false, foreign: foreign > 0 }
  }

  async #take(max: number, mark: string): Promise<Claimed> {
    const { keys } = this.#store
    const { leaseMs } = this.#options
    const queues = this.#queuesInTurn()
    const lists = STEPS.flatMap((step) => queues.map((queue) => keys.list(queue, step)))
    const tails = STEPS.flatMap((step) => queues.map((queue) => tailOf(queue, step)))
    const settings = [max, MAX_BYTES, leaseMs, mark, LIFETIME_MS, queues.length]
    const args = [...settings, ...queues.map(suffixOf), ...tails]
    const reply = (await this.#store.script(CLAIM, [...fieldKeys(keys), ...lists], args)) as ClaimReply
    const [, , untilDueMs] = reply
    this.#dueAtMs = untilDueMs < 0 ? Infinity : Date.now() + untilDueMs
    return toClaimed(reply)
  }

  /** Each call begins with another queue, so that a full one does not hold up the others. */
  #queuesInTurn(): readonly string[] {
    const { queues } = this.#options
    const first = this.#calls++ % queues.length
    return [...queues.slice(first), ...queues.slice(0, first)]
  }
}

type ClaimReply = readonly [
  nowMs: number,
  taken: readonly (Buffer | number)[],
  untilDueMs: number,
  untilLeaseMs: number,
]

function toClaimed([nowMs, parts, untilDueMs, untilLeaseMs]: ClaimReply): Claimed {
  const taken: Taken[] = []
  for (let at = 0; at + 2 < parts.length; at += 3) {
    const [field, bytes, envelope] = parts.slice(at, at + 3) as [Buffer, number, Buffer]
    taken.push({ field: field.toString(), bytes, envelope })
  }
  const next = [untilDueMs, untilLeaseMs].filter((ms) => ms >= 0)
  const leaseOver = taken.length === 0 && untilLeaseMs === 0
  return { taken, nowMs, nextMs: Math.min(...next), leaseOver, foreign: false }
}

const MAX_TAKEN = 1_000
// Beyond it a claim ends early, with what it has.
const MAX_BYTES = 8 * 1024 * 1024
