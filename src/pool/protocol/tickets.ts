/**
 * Tickets say who has a job that was given to a child: words of memory that parent and child share. The child marks the
 * ticket of a job in the instant in which it begins it, the parent that of a job that it takes back, and only one of them
 * can. So a job is taken back from a child that does nothing but compute, and of a child that is dead it is known what it
 * had begun, though it never said so.
 *
 * The memory is the child's too, and a child may be hostile. All that it can do with it is to lie about jobs of its own.
 */
export class Tickets {
  readonly #words: Int32Array
  readonly #free = Array.from({ length: PLACES }, (_, place) => place)
  #turn = 0

  /** Over `TICKET_BYTES` of memory that were zero when the first of both had them. */
  constructor(memory: ArrayBuffer) {
    this.#words = new Int32Array(memory, 0, PLACES)
  }

  /** A new ticket; 0, which is none, if too many are in use. */
  issue(): number {
    const place = this.#free.pop()
    if (place === undefined) return 0
    // What was sent with an earlier ticket of the place may still lie unread in the child: it must find another one there.
    this.#turn = (this.#turn % MAX_TURNS) + 1
    const ticket = this.#turn * PLACES + place
    Atomics.store(this.#words, place, wordOf(ticket, ISSUED))
    return ticket
  }

  /** The child's word: false if the parent was faster. */
  begin(ticket: number): boolean {
    return this.#mark(ticket, BEGUN)
  }

  /** The parent's word: false if the child was faster. */
  takeBack(ticket: number): boolean {
    return this.#mark(ticket, TAKEN_BACK)
  }

  hasBegun(ticket: number): boolean {
    return Atomics.load(this.#words, ticket % PLACES) === wordOf(ticket, BEGUN)
  }

  /** The job has left the child. */
  release(ticket: number): void {
    this.#free.push(ticket % PLACES)
  }

  #mark(ticket: number, state: number): boolean {
    const issued = wordOf(ticket, ISSUED)
    return Atomics.compareExchange(this.#words, ticket % PLACES, issued, wordOf(ticket, state)) === issued
  }
}

export const TICKET_BYTES = 4_096

const PLACES = TICKET_BYTES / Int32Array.BYTES_PER_ELEMENT
const MAX_TURNS = 2 ** 20 - 1
const ISSUED = 1
const BEGUN = 2
const TAKEN_BACK = 3

function wordOf(ticket: number, state: number): number {
  return (ticket << 2) | state
}
