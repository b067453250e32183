import { randomBytes } from 'node:crypto'
import { CaromError } from '../../errors.ts'
import type { Consumer, ConsumerOptions, Delivery, Settlement } from '../broker.ts'
import { checkConsumerOptions, checkMax } from '../consumer-rules.ts'
import { fromStored, type PlacedMessage, sizeBytes, toPlaced } from '../stored-message.ts'
import { type Change, stepPerItem } from './change.ts'
import type { Database } from './database.ts'
import { addOwner, deadOwners, removeOwners } from './owners.ts'
import { type ClaimedMessage, claim, end, giveBackExpired, lookAhead, place, promote, renew } from './places.ts'
import { saveResult } from './results.ts'
import type { SqliteStore } from './store.ts'
import { Upkeep } from './upkeep.ts'

export interface ConsumerOwner {
  /** How old results may get; 0 is as old as they like. */
  readonly resultExpiresMs: number
  /** Called once, when it closes. */
  closed(): void
}

/** Adds a consumer to the store, and gives back at once what dead ones have left. */
export async function openConsumer(
  store: SqliteStore,
  asked: ConsumerOptions,
  opener: ConsumerOwner,
): Promise<Consumer> {
  const options = checkConsumerOptions(asked)
  const dead = await store.read(deadOwners)
  if (dead.length > 0) await store.change(removeOwners(dead))
  const owner = await store.change(addOwner(options.node, Date.now()))
  return new SqliteConsumer(store, options, owner, opener)
}

class SqliteConsumer implements Consumer {
  readonly settlesInTurn = true
  readonly #store: SqliteStore
  readonly #options: ConsumerOptions
  readonly #owner: number
  readonly #upkeep: Upkeep
  readonly #opener: ConsumerOwner
  #closed = false

  constructor(store: SqliteStore, options: ConsumerOptions, owner: number, opener: ConsumerOwner) {
    this.#store = store
    this.#opener = opener
    this.#options = options
    this.#owner = owner
    this.#upkeep = new Upkeep(store, owner, opener.resultExpiresMs)
  }

  async claim(max: number, { signal }: { readonly signal: AbortSignal }): Promise<Delivery[]> {
    this.#assertOpen()
    checkMax(max)
    const { queues } = this.#options
    const ear = this.#store.bell.listen({ holds: true })
    try {
      while (!signal.aborted && !this.#closed) {
        const outlook = await this.#store.read((database) => lookAhead(database, queues, Date.now()))
        if (!outlook.claimable) await ear.heard({ signal, atMs: outlook.nextMs })
        else {
          const deliveries = await this.#tryClaim(max, signal)
          if (deliveries.length > 0) return deliveries
        }
      }
      return []
    } finally {
      ear.close()
    }
  }

  async renew(tokens: readonly string[]): Promise<readonly string[]> {
    this.#assertOpen()
    const stands = (database: Database, token: string) => {
      const { seq, nonce } = parseToken(token)
      return renew(database, seq, nonce, Date.now())
    }
    const standing = await this.#store.change({
      rows: tokens.length,
      bytes: 0,
      wakes: () => false,
      durable: false,
      steps: (database) => stepPerItem(tokens, (token) => stands(database, token)),
    })
    return tokens.filter((_, index) => standing[index] === false)
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly ('settled' | 'lost')[]> {
    this.#assertOpen()
    return this.#store.change(
      toChange(settlements.map((settlement) => ({ ...settlement, next: settlement.next.map(toPlaced) }))),
    )
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#opener.closed()
    this.#upkeep.stop()
    this.#store.bell.ring()
    // In a store that is gone or damaged there is nothing to give back to.
    await this.#store.change(removeOwners([this.#owner])).catch((error: unknown) => {
      if (this.#store.isUsable()) throw error
    })
  }

  async #tryClaim(max: number, signal: AbortSignal): Promise<Delivery[]> {
    await this.#store.restartLeasesAfterJump()
    const nonce = randomBytes(12).toString('base64url')
    const { claimed } = await this.#store.change<Claimed>({
      rows: max,
      bytes: 0,
      wakes: ({ freed }) => freed > 0,
      durable: false,
      steps: (database) => this.#claimSteps(database, { max, nonce, signal }),
    })
    // Closed meanwhile: they are given back with all the others.
    if (this.#closed) return []
    const deliveries = claimed.map((message) => toDelivery(message, nonce))
    if (!signal.aborted || deliveries.length === 0) return deliveries
    // Aborted while the commit was under way: nobody will look at them.
    await this.settle(deliveries.map(({ token }) => ({ token, result: null, next: [], end: GIVEN_BACK })))
    return []
  }

  *#claimSteps(database: Database, { max, nonce, signal }: ClaimCall): Generator<void, Claimed> {
    // Asked again here: a claim made after the consumer closed would belong to nobody.
    if (signal.aborted || this.#closed) return { claimed: [], freed: 0 }
    const { queues, leaseMs } = this.#options
    const nowMs = Date.now()
    const freed = giveBackExpired(database, nowMs) + promote(database, queues, nowMs)
    yield
    const claimed = claim(database, { queues, max, token: nonce, owner: this.#owner, leaseMs, nowMs })
    return { claimed, freed }
  }

  #assertOpen(): void {
    if (this.#closed) throw new CaromError('CAROM_STORE_CLOSED', `This consumer on ${this.#store.name} was closed`)
  }
}

interface ClaimCall {
  readonly max: number
  readonly nonce: string
  readonly signal: AbortSignal
}

interface Claimed {
  readonly claimed: readonly ClaimedMessage[]
  /** How many went back to a queue, where others may claim them too. */
  readonly freed: number
}

type PlacedSettlement = Omit<Settlement, 'next'> & { readonly next: readonly PlacedMessage[] }

function toChange(settlements: readonly PlacedSettlement[]): Change<('settled' | 'lost')[]> {
  const next = settlements.flatMap((settlement) => settlement.next)
  const isHeard = ({ result, end }: PlacedSettlement) => result !== null || end.type === 'release'
  const heard = next.length > 0 || settlements.some(isHeard)
  const resultBytes = settlements.reduce((sum, { result }) => sum + (result?.result.byteLength ?? 0), 0)
  return {
    rows: settlements.length + next.length,
    bytes: next.reduce((sum, message) => sum + sizeBytes(message), resultBytes),
    wakes: (outcomes) => heard && outcomes.includes('settled'),
    durable: true,
    steps: (database) => stepPerItem(settlements, (settlement) => settle(database, settlement)),
  }
}

/** The end of the claim comes first only to learn whether it stands: in one transaction all of it is one step. */
function settle(database: Database, settlement: PlacedSettlement): 'settled' | 'lost' {
  const { seq, nonce } = parseToken(settlement.token)
  const nowMs = Date.now()
  if (!end(database, seq, nonce, settlement.end, nowMs)) return 'lost'
  if (settlement.result !== null) saveResult(database, settlement.result, nowMs)
  for (const message of settlement.next) place(database, message)
  return 'settled'
}

function toDelivery({ seq, queue, counts, ...stored }: ClaimedMessage, nonce: string): Delivery {
  return { token: `${seq}.${nonce}`, queue, message: fromStored(stored), counts }
}

/** A token is the message's number, by which it is found, and what is new for every claim. */
function parseToken(token: string): { seq: number; nonce: string } {
  const dot = token.indexOf('.')
  const seq = Number(token.slice(0, Math.max(0, dot)))
  return { seq: Number.isSafeInteger(seq) ? seq : 0, nonce: token.slice(dot + 1) }
}

const GIVEN_BACK = { type: 'release', delayMs: 0, count: 'none' } as const
