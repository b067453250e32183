/** One function over many items: cut into chunks, each of which is a job. */
import { readFailure } from '../support/failure.ts'
import { abortError, giveUpCall, type StartedCall, startCall } from './calls.ts'
import type { PoolEngine } from './engine.ts'
import { checkOptions, type JobOptions } from './job-options.ts'
import { integer } from './numbers.ts'
import { readMapResult, remoteError } from './outcome.ts'

/** What maps take. Limits are per chunk: a chunk is one job. */
export interface MapOptions extends JobOptions {
  /** Items of one job. @default for `map` and `starmap` a quarter of each place's share, for the others 1 */
  readonly chunkSize?: number
}

export interface MapRequest {
  readonly name: string
  readonly form: 'map' | 'starmap'
  readonly options: MapOptions
}

/** The results up to the first item that failed, and its error. */
export interface ChunkOutcome<R> {
  readonly results: readonly R[]
  readonly error: Error | null
}

/** A map under way: what `mapAsync` gives at once. */
export class MapJob<R> {
  readonly #chunks: readonly StartedCall<ChunkOutcome<R>>[]
  readonly #engine: PoolEngine
  /** All results in the order of the items. Rejects with the first failure, whose `itemIndex` says which item it was. */
  readonly result: Promise<R[]>

  /** @internal */
  constructor(engine: PoolEngine, chunks: readonly StartedCall<ChunkOutcome<R>>[]) {
    this.#engine = engine
    this.#chunks = chunks
    this.result = Promise.all(chunks.map(async ({ result }) => allOf(await result))).then(joined)
    this.result.catch(() => {})
  }

  /** Jobs of this map. */
  get chunks(): number {
    return this.#chunks.length
  }

  /** Jobs of this map that have settled. */
  get settledChunks(): number {
    return this.#chunks.filter(({ call }) => call.state === 'settled').length
  }

  /** Drops the chunks that are queued, and asks the others to stop. */
  cancel(): void {
    for (const { call } of this.#chunks) this.#engine.cancel(call)
  }

  /** Ends every chunk at once, with the children that run them. */
  terminate(): void {
    for (const { call } of this.#chunks) this.#engine.terminateJob(call)
  }
}

/** @throws CaromError, RangeError before any chunk was given to the pool, or for one that cannot be sent. */
export function startMap<R>(engine: PoolEngine, request: MapRequest, items: Iterable<unknown>): MapJob<R> {
  // A map of nothing has no chunk that would be refused.
  engine.refuseIfClosed(request.name)
  checkOptions(request.options, true)
  const all = Array.isArray(items) ? items : [...items]
  const places = engine.machine.staff.size * engine.options.concurrencyPerChild
  const fair = Math.max(1, Math.ceil(all.length / (4 * places)))
  const size = chunkSizeOf(request.options, fair)
  const chunks: StartedCall<ChunkOutcome<R>>[] = []
  try {
    for (let at = 0; at < all.length; at += size) {
      chunks.push(startChunk(engine, request, all.slice(at, at + size), at))
    }
  } catch (error) {
    // One that cannot be sent takes the others back: nobody would ask for their results.
    for (const { call, result } of chunks) {
      result.catch(() => {})
      giveUpCall(engine, call)
    }
    throw error
  }
  return new MapJob(engine, chunks)
}

/** `firstIndex`: of the chunk's first item among all. Rejects if the chunk as a whole was lost, cancelled or refused. */
export function startChunk<R>(
  engine: PoolEngine,
  { name, form, options }: MapRequest,
  items: readonly unknown[],
  firstIndex: number,
): StartedCall<ChunkOutcome<R>> {
  const { call, result } = startCall<unknown>(engine, { name, form, args: [items], options })
  const { signal } = options
  const read = (value: unknown): ChunkOutcome<R> => {
    const [results, failure] = readMapResult(call, value)
    if (failure === null) return { results: results as readonly R[], error: null }
    const error = signal?.aborted ? abortError(name, signal) : remoteError(readFailure(failure), call)
    return { results: results as readonly R[], error: Object.assign(error, { itemIndex: firstIndex + results.length }) }
  }
  return { call, result: result.then(read) }
}

export function chunkSizeOf({ chunkSize }: MapOptions, fallback: number): number {
  return integer('chunkSize', chunkSize ?? fallback, 1, Number.MAX_SAFE_INTEGER)
}

function allOf<R>({ results, error }: ChunkOutcome<R>): readonly R[] {
  if (error !== null) throw error
  return results
}

/** `flat()` is slow for large parts, and giving many as arguments runs out of stack. */
function joined<R>(parts: readonly (readonly R[])[]): R[] {
  const all: R[] = []
  if (parts.length <= MAX_ARGUMENTS) return all.concat(...parts)
  for (const part of parts) for (const result of part) all.push(result)
  return all
}

const MAX_ARGUMENTS = 1_000
