import { setTimeout as pause } from 'node:timers/promises'
import { CaromError } from '../../errors.ts'
import type { Consumer, ConsumerOptions, Delivery, Settlement } from '../broker.ts'
import { checkConsumerOptions, checkMax } from '../consumer-rules.ts'
import { ClaimCall } from './claim-call.ts'
import { ACK, aside, backOrAside, type Ending, endClaims, park, type Taken, takenOf } from './ending.ts'
import { GIVE_BACK, RENEW } from './field-scripts.ts'
import { fieldKeys, placeOfClaim } from './keys.ts'
import { type Pushed, toPushed } from './outgoing.ts'
import { resultText } from './result-text.ts'
import { LIFETIME_MS, type RedisStore } from './store.ts'
import { counted, dueMs, readEnvelope, type TakenMessage } from './taken-message.ts'
import { Upkeep } from './upkeep.ts'

/** Makes the queues known, and gives back what dead workers have left. */
export async function openConsumer(store: RedisStore, asked: ConsumerOptions, onClosed: () => void): Promise<Consumer> {
  const options = checkConsumerOptions(asked)
  const reserved = options.queues.find((queue) => store.keys.isReserved(queue))
  if (reserved !== undefined)
    throw new RangeError(`Cannot consume from "${reserved}": Redis has another key of that name`)
  await store.declare(options.queues)
  return new RedisConsumer(store, options, onClosed)
}

class RedisConsumer implements Consumer {
  readonly settlesInTurn = true
  readonly #store: RedisStore
  readonly #options: ConsumerOptions
  readonly #onClosed: () => void
  readonly #upkeep: Upkeep
  readonly #call: ClaimCall
  /** Tokens of the claims that this consumer holds, to be given back when it closes. */
  readonly #held = new Set<string>()
  /** Claims that ended in a call that failed as a whole. */
  readonly #endedBefore = new Set<string>()
  readonly #underWay = new Set<Promise<unknown>>()
  #closed = false

  constructor(store: RedisStore, options: ConsumerOptions, onClosed: () => void) {
    this.#store = store
    this.#options = options
    this.#onClosed = onClosed
    this.#call = new ClaimCall(store, options)
    this.#upkeep = new Upkeep(store)
  }

  async claim(max: number, { signal }: { readonly signal: AbortSignal }): Promise<Delivery[]> {
    this.#assertOpen()
    checkMax(max)
    const ear = this.#store.bell.listen({ holds: true })
    try {
      while (!signal.aborted && !this.#closed) {
        const { deliveries, found, nextMs, leaseOver, foreign } = await this.#during(this.#claimOnce(max, signal))
        if (deliveries.length > 0) return deliveries
        if (foreign) await pause(COURTESY_MS, undefined, { signal }).catch(() => {})
        else if (leaseOver && (await this.#upkeep.tryGiveBack())) continue
        else if (!found && (nextMs > 0 || leaseOver) && (await this.#store.watch(this.#call.lists))) {
          await ear.heard({ signal, atMs: Date.now() + (leaseOver ? POLL_MS : Math.min(nextMs, POLL_MS)) })
        }
      }
      return []
    } finally {
      ear.close()
    }
  }

  async renew(tokens: readonly string[]): Promise<readonly string[]> {
    this.#assertOpen()
    const lost: string[] = []
    for (let at = 0; at < tokens.length; at += STEP) {
      const step = tokens.slice(at, at + STEP)
      const args = [this.#options.leaseMs, LIFETIME_MS, ...step]
      const standing = (await this.#store.script(RENEW, fieldKeys(this.#store.keys), args)) as number[]
      lost.push(...step.filter((_, index) => standing[index] !== 1))
    }
    for (const token of lost) this.#held.delete(token)
    return lost
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly ('settled' | 'lost')[]> {
    this.#assertOpen()
    return this.#during(this.#settle(settlements))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#onClosed()
    this.#upkeep.stop()
    this.#store.bell.ring()
    await Promise.allSettled(this.#underWay)
    await this.#giveBackUnanswered()
    await this.#giveBack([...this.#held])
  }

  async #settle(settlements: readonly Settlement[]): Promise<('settled' | 'lost')[]> {
    const { keys } = this.#store
    // All of it first: a message that cannot be published must leave nothing settled.
    const nexts = settlements.map(({ next }) => next.map((outgoing) => toPushed(outgoing, keys)))
    const claims = await this.#claims(settlements.filter(({ end }) => end.type !== 'ack'))
    await this.#store.declare(queuesOf(nexts))
    const endings = settlements.map(({ token, result, end }, index): Ending => {
      const taken = claims.get(token)
      return {
        field: token,
        result: result === null ? null : { key: keys.result(result.taskId), text: resultText(result) },
        next: nexts[index] ?? [],
        // Without its envelope it no longer stands, which the script finds too.
        end: end.type === 'ack' || taken === undefined ? ACK : backOrAside(keys, taken, end),
      }
    })
    const ended = new Set<string>()
    const note = (field: string) => ended.add(field)
    try {
      const outcomes = await endClaims(this.#store, endings, { ended: note })
      for (const { token } of settlements) this.#held.delete(token)
      return outcomes.map((standing, index) => {
        const { token } = settlements[index] as Settlement
        return standing || this.#endedBefore.delete(token) ? 'settled' : 'lost'
      })
    } catch (error) {
      // A call of several steps that broke off: whoever settles these again is told that they are.
      if (this.#endedBefore.size > MAX_ENDED) this.#endedBefore.clear()
      for (const field of ended) this.#endedBefore.add(field)
      throw error
    }
  }

  async #claims(settlements: readonly Settlement[]): Promise<ReadonlyMap<string, Taken>> {
    const tokens = settlements.map(({ token }) => token)
    if (tokens.length === 0) return new Map()
    const values = await this.#store.run((client) => client.hmgetBuffer(this.#store.keys.unacked, ...tokens))
    const found = tokens.flatMap((token, index) => {
      const value = values[index]
      return value === null || value === undefined ? [] : [[token, takenOf(token, value.byteLength, value)] as const]
    })
    return new Map(found)
  }

  async #claimOnce(max: number, signal: AbortSignal) {
    await this.#giveBackUnanswered()
    // On a new connection the server may be one that has lost all it had.
    await this.#store.declare(this.#options.queues)
    return this.#call.claim(max, async ({ taken, nowMs, nextMs, leaseOver, foreign }) => {
      const deliveries = taken.length === 0 ? [] : await this.#receive(taken, nowMs, signal)
      return { deliveries, found: taken.length > 0, nextMs, leaseOver, foreign }
    })
  }

  /** A claim that broke off may have taken messages, which nobody would see before the end of their lease. */
  #giveBackUnanswered(): Promise<void> {
    return this.#call.settleFailed((fields) => this.#giveBack(fields))
  }

  /** What was taken, sorted: garbage is set aside and what is not due is parked, in one step. */
  async #receive(taken: readonly Taken[], nowMs: number, signal: AbortSignal): Promise<Delivery[]> {
    const deliveries: Delivery[] = []
    const endings: Ending[] = []
    for (const one of taken) {
      const { field, envelope } = one
      const { queue, step } = placeOfClaim(field)
      const read = tryRead(one)
      if ('reason' in read) endings.push(endingOf(field, aside(one, read.reason)))
      else if (dueMs(read.message) > nowMs) {
        endings.push(endingOf(field, park(queue, step, envelope, 'at', dueMs(read.message))))
      } else {
        deliveries.push({ token: field, queue, message: read.message, counts: counted(read.counts, 'lease') })
      }
    }
    try {
      await endClaims(this.#store, endings)
    } catch (error) {
      // What could not be put away comes back when its lease is over; the others are good.
      if (deliveries.length === 0) throw error
    }
    for (const { token } of deliveries) this.#held.add(token)
    // Closed meanwhile: they are given back with all the others.
    if (this.#closed) return []
    if (!signal.aborted) return deliveries
    // Aborted while the claim was under way: nobody will look at them.
    await this.#giveBack(deliveries.map(({ token }) => token))
    return []
  }

  /** Uncounted, and in their order in front of all others. */
  async #giveBack(tokens: readonly string[]): Promise<void> {
    const { keys, address } = this.#store
    // The newest first: each goes to the front of its queue. Tokens sort by age.
    const newestFirst = [...tokens].sort().reverse()
    for (let at = 0; at < newestFirst.length; at += STEP) {
      const step = newestFirst.slice(at, at + STEP)
      await this.#store.script(GIVE_BACK, fieldKeys(keys), [address.options.globalKeyprefix, ...step])
      for (const token of step) this.#held.delete(token)
    }
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new CaromError('CAROM_STORE_CLOSED', `This consumer on ${this.#store.name} was closed`)
  }
}

function queuesOf(nexts: readonly (readonly Pushed[])[]): Set<string> {
  const queues = new Set<string>()
  for (const next of nexts) for (const { queue } of next) queues.add(queue)
  return queues
}

function tryRead({ envelope, bytes }: Taken): TakenMessage | { readonly reason: string } {
  try {
    return readEnvelope(envelope, bytes)
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

function endingOf(field: string, end: Ending['end']): Ending {
  return { field, result: null, next: [], end }
}

// Behind the watching: a change that nobody was told of is found by then.
const POLL_MS = 1_000
// How long others have the first pick of what was given back as unknown.
const COURTESY_MS = 50
const STEP = 1_000
const MAX_ENDED = 10_000
