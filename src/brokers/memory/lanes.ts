/** The waiting messages of a memory store: in order per queue, and those that are not due yet by their time. */
import type { PlacedMessage } from '../stored-message.ts'

export interface Entry extends Omit<PlacedMessage, 'dueMs'> {
  /** Order of publishing over all queues. */
  readonly seq: number
  dueMs: number
  deliveries: number
  crashes: number
  foreign: number
}

export class Lanes {
  readonly #ready = new Map<string, Entry[]>()
  #delayed: Entry[] = []

  add(entry: Entry): void {
    if (entry.dueMs > 0) insert(this.#delayed, entry, byDueTime)
    else insert(this.#lane(entry.queue), entry, byTurn)
  }

  /** The next entry of `queues` in their common order, taken out. */
  take(queues: readonly string[]): Entry | undefined {
    const heads = queues.map((queue) => this.#ready.get(queue)?.[0]).filter((head) => head !== undefined)
    const [first, ...others] = heads
    if (first === undefined) return undefined
    const next = others.reduce((best, head) => (byTurn(head, best) < 0 ? head : best), first)
    this.#ready.get(next.queue)?.shift()
    return next
  }

  /** Puts what has become due into its queue. */
  promote(nowMs: number): void {
    const count = this.#delayed.findIndex(({ dueMs }) => dueMs > nowMs)
    for (const entry of this.#delayed.splice(0, count === -1 ? Infinity : count)) {
      entry.dueMs = 0
      this.add(entry)
    }
  }

  nextDueMs(queues: readonly string[]): number {
    return this.#delayed.find(({ queue }) => queues.includes(queue))?.dueMs ?? Infinity
  }

  /** Takes every entry of `queue` out and returns how many. */
  purge(queue: string): number {
    const delayed = this.#delayed.filter((entry) => entry.queue === queue).length
    this.#delayed = this.#delayed.filter((entry) => entry.queue !== queue)
    const ready = this.#ready.get(queue)?.length ?? 0
    this.#ready.delete(queue)
    return ready + delayed
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (const lane of this.#ready.values()) yield* lane
    yield* this.#delayed
  }

  #lane(queue: string): Entry[] {
    const lane = this.#ready.get(queue) ?? []
    this.#ready.set(queue, lane)
    return lane
  }
}

type Order = (a: Entry, b: Entry) => number

const byTurn: Order = (a, b) => a.rank - b.rank || a.seq - b.seq
const byDueTime: Order = (a, b) => a.dueMs - b.dueMs || a.seq - b.seq

/** Keeps `list` sorted: an entry that was given back takes its old place. */
function insert(list: Entry[], entry: Entry, order: Order): void {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (order(list[middle] as Entry, entry) <= 0) low = middle + 1
    else high = middle
  }
  list.splice(low, 0, entry)
}
