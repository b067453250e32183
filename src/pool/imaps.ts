/** Maps whose results are taken one by one, and whose items are read no faster than that. */
import { giveUpCall, type StartedCall } from './calls.ts'
import type { PoolEngine } from './engine.ts'
import { type ChunkOutcome, chunkSizeOf, type MapRequest, startChunk } from './maps.ts'
import { Wake } from './wake.ts'

type Items = Iterable<unknown> | AsyncIterable<unknown>
type Order = 'as given' | 'as done'

/** In the order of the items. Nothing is read or run before the first result is asked for. */
export function imap<R>(engine: PoolEngine, request: MapRequest, items: Items): AsyncGenerator<R, void, void> {
  return resultsOf(engine, request, items, 'as given')
}

/** In the order in which chunks are done. */
export function imapUnordered<R>(engine: PoolEngine, request: MapRequest, items: Items): AsyncGenerator<R, void, void> {
  return resultsOf(engine, request, items, 'as done')
}

async function* resultsOf<R>(
  engine: PoolEngine,
  request: MapRequest,
  items: Items,
  order: Order,
): AsyncGenerator<R, void, void> {
  const flow = new ChunkFlow<R>(engine, request, items, order)
  try {
    while (!flow.isOver) {
      const outcome = flow.take()
      if (outcome === null) {
        await flow.change()
        continue
      }
      yield* outcome.results
      if (outcome.error !== null) throw outcome.error
    }
    if (flow.failure !== null) throw flow.failure.error
  } finally {
    await flow.end()
  }
}

interface Chunk<R> extends StartedCall<ChunkOutcome<R>> {
  outcome: ChunkOutcome<R> | null
}

/** Reads items as far as the pool has use for them, starts a job for each chunk, and keeps what became of it. */
class ChunkFlow<R> {
  /** What kept it from reading on; comes after the results of what was read before. */
  failure: { readonly error: unknown } | null = null
  readonly #engine: PoolEngine
  readonly #request: MapRequest
  readonly #order: Order
  readonly #size: number
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>
  /** Started and not taken: in the order of their items, or where that does not count, those that are done last. */
  readonly #chunks = new Set<Chunk<R>>()
  readonly #done: Chunk<R>[] = []
  #read = 0
  #reading = false
  #sourceEnded = false
  #ended = false
  readonly #wake = new Wake()

  constructor(engine: PoolEngine, request: MapRequest, items: Items, order: Order) {
    this.#engine = engine
    this.#request = request
    this.#order = order
    this.#size = chunkSizeOf(request.options, 1)
    this.#iterator = iteratorOf(items)
  }

  /** Everything that was read is taken, and no more will be read. */
  get isOver(): boolean {
    return this.#chunks.size === 0 && !this.#reading && (this.#sourceEnded || this.failure !== null)
  }

  /** The next chunk's outcome, or `null` if it is not there yet. */
  take(): ChunkOutcome<R> | null {
    if (!this.#reading) void this.#readOn()
    const next = this.#order === 'as given' ? this.#chunks.values().next().value : this.#done.shift()
    if (next === undefined || next.outcome === null) return null
    this.#chunks.delete(next)
    return next.outcome
  }

  /** Resolves when there is something new. */
  change(): Promise<void> {
    return this.#wake.next()
  }

  /** Whoever stops early has no use for the rest. */
  async end(): Promise<void> {
    this.#ended = true
    for (const { call } of this.#chunks) giveUpCall(this.#engine, call)
    if (this.#sourceEnded) return
    const returned = Promise.resolve(this.#iterator.return?.())
    // A source in the middle of a step, which may be long, ends after it.
    if (this.#reading) returned.catch(() => {})
    else await returned
  }

  /** So many chunks that no place is idle while a result is taken. */
  get #hasRoom(): boolean {
    return this.#chunks.size < 2 * this.#engine.machine.staff.size * this.#engine.options.concurrencyPerChild
  }

  async #readOn(): Promise<void> {
    this.#reading = true
    try {
      while (this.#hasRoom && !this.#sourceEnded && this.failure === null && !this.#ended) await this.#readChunk()
    } catch (error) {
      this.failure = { error }
    }
    this.#reading = false
    this.#wake.tell()
  }

  async #readChunk(): Promise<void> {
    const firstIndex = this.#read
    const items = await this.#nextItems()
    if (items.length === 0 || this.#ended) return
    const chunk: Chunk<R> = { ...startChunk<R>(this.#engine, this.#request, items, firstIndex), outcome: null }
    this.#chunks.add(chunk)
    const settle = (outcome: ChunkOutcome<R>): void => {
      chunk.outcome = outcome
      if (this.#order === 'as done') this.#done.push(chunk)
      this.#wake.tell()
    }
    chunk.result.then(settle, (error: Error) => settle({ results: [], error }))
  }

  /** Fewer than a chunk's where the source ends or fails. */
  async #nextItems(): Promise<unknown[]> {
    const items: unknown[] = []
    try {
      while (items.length < this.#size && !this.#ended) {
        const step = await this.#iterator.next()
        this.#sourceEnded = step.done === true
        if (this.#sourceEnded) break
        items.push(step.value)
        this.#read++
      }
    } catch (error) {
      this.#sourceEnded = true
      this.failure = { error }
    }
    return items
  }
}

function iteratorOf(items: Items): Iterator<unknown> | AsyncIterator<unknown> {
  // A text can be iterated too, and is no object.
  if (Symbol.asyncIterator in Object(items)) return (items as AsyncIterable<unknown>)[Symbol.asyncIterator]()
  return (items as Iterable<unknown>)[Symbol.iterator]()
}
