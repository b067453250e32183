/** The script that claims, called again and again. */
import type { ConsumerOptions } from '../broker.ts'
import { CLAIM } from './claim-script.ts'
import { fieldKeys, newNonce, STEPS, suffixOf, tailOf } from './keys.ts'
import { LIFETIME_MS, type RedisStore } from './store.ts'

export interface Taken {
  readonly field: string
  readonly envelope: Buffer
}

export interface Claimed {
  readonly taken: readonly Taken[]
  /** The server's clock. */
  readonly nowMs: number
  /** Where nothing was taken: until something parked is due or a lease ends; `Infinity` where none does. */
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
  #calls = 0
  #promoted = false

  constructor(store: RedisStore, options: ConsumerOptions) {
    this.#store = store
    this.#options = options
    this.lists = options.queues.flatMap((queue) => store.keys.lists(queue))
  }

  async claim(max: number): Promise<Claimed> {
    const { keys, address } = this.#store
    const { leaseMs } = this.#options
    const queues = this.#queuesInTurn()
    const lists = STEPS.flatMap((step) => queues.map((queue) => keys.list(queue, step)))
    const tails = STEPS.flatMap((step) => queues.map((queue) => tailOf(queue, step)))
    const nonce = `${this.#nonce}-${this.#calls.toString(36)}`
    const { globalKeyprefix } = address.options
    const settings = [Math.min(max, MAX_TAKEN), MAX_BYTES, leaseMs, nonce, globalKeyprefix, LIFETIME_MS, queues.length]
    // Every other time at most: messages that become due without end must not keep the others from being taken.
    const args = [...settings, this.#promoted ? '' : 'promote', ...queues.map(suffixOf), ...tails]
    const reply = (await this.#store.script(CLAIM, [...fieldKeys(keys), ...lists], args)) as ClaimReply
    this.#promoted = reply[4] > 0
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
  taken: readonly Buffer[],
  dueMs: number,
  leaseMs: number,
  promoted: number,
  foreign: number,
]

function toClaimed([nowMs, pairs, untilDueMs, untilLeaseMs, , foreign]: ClaimReply): Claimed {
  const taken: Taken[] = []
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    taken.push({ field: (pairs[at] as Buffer).toString(), envelope: pairs[at + 1] as Buffer })
  }
  const next = [untilDueMs, untilLeaseMs].filter((ms) => ms >= 0)
  const leaseOver = taken.length === 0 && untilLeaseMs === 0
  return { taken, nowMs, nextMs: Math.min(...next), leaseOver, foreign: foreign > 0 }
}

const MAX_TAKEN = 1_000
// Beyond it a claim ends early, with what it has.
const MAX_BYTES = 8 * 1024 * 1024
