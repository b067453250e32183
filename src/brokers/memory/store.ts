/**
 * The reference store: the rules of broker and result backend in plain words, in this process. One store per name; it
 * lives as long as somebody has it open.
 */
import { randomUUID } from 'node:crypto'
import type { ResultMeta } from '../../results/meta.ts'
import type { SavedGroup } from '../../results/saved-group.ts'
import { Bell } from '../bell.ts'
import type { ControlRequest, DeliveryEnd, QueueDepth, Settlement } from '../broker.ts'
import { dueAfter, type PlacedMessage, taskIdOf } from '../stored-message.ts'
import { MemoryChords } from './chords.ts'
import { ExpiringMap } from './expiring-map.ts'
import { type Entry, Lanes } from './lanes.ts'

export interface Claim {
  readonly token: string
  readonly entry: Entry
  readonly owner: object
  readonly leaseMs: number
  untilMs: number
}

export interface Quarantined {
  readonly taskId: string
  readonly entry: Entry
  readonly reason: string
  readonly atMs: number
}

/** Somebody who answers remote control. */
export interface Server {
  readonly node: string
  readonly answer: (request: ControlRequest) => Promise<unknown>
}

export interface MemoryAddress {
  readonly name: string
  /** How long results and saved groups are kept; 0 is for ever. */
  readonly resultExpiresMs: number
}

export class MemoryStore {
  readonly name: string
  readonly bell = new Bell()
  readonly servers = new Set<Server>()
  readonly resultListeners = new Set<(meta: ResultMeta) => void>()
  readonly chords = new MemoryChords(CHORDS_EXPIRE_MS)
  readonly groups = new ExpiringMap<SavedGroup>()
  quarantined: Quarantined[] = []
  readonly #lanes = new Lanes()
  readonly #claims = new Map<string, Claim>()
  readonly #results = new ExpiringMap<ResultMeta>()
  #lastSeq = 0

  constructor(name: string) {
    this.name = `memory:${name}`
  }

  publish(messages: readonly PlacedMessage[]): void {
    for (const message of messages) {
      // The publisher may go on to use its buffer.
      const body = Uint8Array.from(message.body)
      this.#lanes.add({ ...message, body, seq: ++this.#lastSeq, deliveries: 0, crashes: 0, foreign: 0 })
    }
    this.bell.ring()
  }

  claim(
    max: number,
    { queues, owner, leaseMs }: { queues: readonly string[]; owner: object; leaseMs: number },
  ): Claim[] {
    const nowMs = Date.now()
    for (const claim of this.#claims.values()) if (claim.untilMs <= nowMs) this.#giveBack(claim)
    this.#lanes.promote(nowMs)
    const claims: Claim[] = []
    while (claims.length < max) {
      const entry = this.#lanes.take(queues)
      if (entry === undefined) break
      entry.deliveries++
      const claim = { token: randomUUID(), entry, owner, leaseMs, untilMs: nowMs + leaseMs }
      this.#claims.set(claim.token, claim)
      claims.push(claim)
    }
    return claims
  }

  /** When `claim` may find something that it does not find now, without anybody doing anything. */
  nextChangeMs(queues: readonly string[]): number | null {
    const leases = [...this.#claims.values()].map(({ untilMs }) => untilMs)
    const atMs = leases.reduce((first, untilMs) => Math.min(first, untilMs), this.#lanes.nextDueMs(queues))
    return atMs === Infinity ? null : atMs
  }

  /** False when the claim is lost. */
  renew(token: string): boolean {
    const claim = this.#claims.get(token)
    if (claim !== undefined) claim.untilMs = Date.now() + claim.leaseMs
    return claim !== undefined
  }

  settle(
    { token, result, end }: Settlement,
    next: readonly PlacedMessage[],
    resultExpiresMs: number,
  ): 'settled' | 'lost' {
    const claim = this.#claims.get(token)
    if (claim === undefined) return 'lost'
    if (result !== null) this.save(result, resultExpiresMs)
    this.publish(next)
    this.#claims.delete(token)
    this.#end(claim.entry, end)
    this.bell.ring()
    return 'settled'
  }

  giveBackAll(owner: object): void {
    for (const claim of this.#claims.values()) if (claim.owner === owner) this.#giveBack(claim)
    this.bell.ring()
  }

  purge(queue: string): number {
    return this.#lanes.purge(queue)
  }

  depths(): QueueDepth[] {
    const depths = new Map<string, { waiting: number; delayed: number; claimed: number }>()
    const count = (queue: string, state: 'waiting' | 'delayed' | 'claimed') => {
      const depth = depths.get(queue) ?? { waiting: 0, delayed: 0, claimed: 0 }
      depth[state]++
      depths.set(queue, depth)
    }
    const nowMs = Date.now()
    for (const { queue, dueMs } of this.#lanes) count(queue, dueMs > nowMs ? 'delayed' : 'waiting')
    for (const { entry } of this.#claims.values()) count(entry.queue, 'claimed')
    return [...depths].sort(([a], [b]) => (a < b ? -1 : 1)).map(([queue, depth]) => ({ queue, ...depth }))
  }

  save(meta: ResultMeta, expiresMs: number): void {
    if (this.load(meta.taskId)?.status === 'SUCCESS') return
    const kept = { ...meta, result: Uint8Array.from(meta.result), children: [...meta.children] }
    this.#results.set(meta.taskId, kept, expiresMs)
    for (const listener of this.resultListeners) listener(kept)
  }

  load(taskId: string): ResultMeta | null {
    return this.#results.get(taskId) ?? null
  }

  forget(taskId: string): void {
    this.#results.delete(taskId)
  }

  #giveBack({ token, entry }: Claim): void {
    this.#claims.delete(token)
    entry.dueMs = 0
    this.#lanes.add(entry)
  }

  #end(entry: Entry, end: DeliveryEnd): void {
    switch (end.type) {
      case 'ack':
        return
      case 'release':
        if (end.count === 'none') entry.deliveries--
        else entry[end.count === 'crash' ? 'crashes' : 'foreign']++
        entry.dueMs = dueAfter(end.delayMs, Date.now())
        this.#lanes.add(entry)
        return
      case 'quarantine':
        if (end.count !== undefined) entry[end.count === 'crash' ? 'crashes' : 'foreign']++
        this.quarantined.push({ taskId: taskIdOf(entry.headers), entry, reason: end.reason, atMs: Date.now() })
    }
  }
}

/** The store of that name, opened once more; every `acquire` needs its `release`. */
export function acquireMemoryStore(name: string): MemoryStore {
  const shared = STORES.get(name) ?? { store: new MemoryStore(name), users: 0 }
  shared.users++
  STORES.set(name, shared)
  return shared.store
}

export function releaseMemoryStore(store: MemoryStore): void {
  for (const [name, shared] of STORES) if (shared.store === store && --shared.users === 0) STORES.delete(name)
}

const STORES = new Map<string, { readonly store: MemoryStore; users: number }>()
const CHORDS_EXPIRE_MS = 24 * 3600 * 1000
