/** Calls of async generators: values come one by one, and no faster than they are taken. */
import { deliverUnlessAborted, executeAbortable, giveUpCall } from './calls.ts'
import type { PoolEngine } from './engine.ts'
import type { PoolCall } from './job.ts'
import type { JobOptions } from './job-options.ts'
import { decodeResult } from './outcome.ts'
import type { Outcome } from './parent/state.ts'
import type { Payload } from './protocol/frame.ts'
import { FIRST_STREAM_CREDIT } from './protocol/messages.ts'
import { Wake } from './wake.ts'

export interface StreamRequest {
  readonly name: string
  readonly args: readonly unknown[]
  readonly options: JobOptions
}

/**
 * Starts with the first value that is asked for. Whoever stops early ends the job: its generator's `finally` has run,
 * or its child is gone, when the loop is left.
 */
export async function* stream<Y, R>(engine: PoolEngine, request: StreamRequest): AsyncGenerator<Y, R, void> {
  const inlet = new Inlet(engine, request)
  try {
    for (let value = await inlet.next(); value !== null; value = await inlet.next()) {
      yield inlet.read<Y>(value)
    }
    return await inlet.result<R>()
  } finally {
    await inlet.end()
  }
}

class Inlet {
  readonly #engine: PoolEngine
  readonly #signal: AbortSignal | undefined
  readonly #call: PoolCall
  readonly #values: Payload[] = []
  #taken = 0
  #outcome: Outcome | null = null
  readonly #wake = new Wake()

  constructor(engine: PoolEngine, { name, args, options }: StreamRequest) {
    this.#engine = engine
    this.#signal = options.signal
    const request = { name, args, options, form: 'stream' as const }
    const settled = (outcome: Outcome): void => {
      this.#outcome = outcome
      this.#wake.tell()
    }
    const yielded = (value: Payload): void => {
      this.#values.push(value)
      this.#wake.tell()
    }
    this.#call = executeAbortable(engine, request, { yielded, settled })
  }

  /** `null` when there is no more. */
  async next(): Promise<Payload | null> {
    while (this.#values.length === 0 && this.#outcome === null) await this.#wake.next()
    const value = this.#values.shift()
    if (value === undefined) return null
    this.#refund()
    return value
  }

  read<Y>(value: Payload): Y {
    return decodeResult(this.#call, value, 'A value')
  }

  /** Of a stream that has ended. */
  result<R>(): Promise<R> {
    const outcome = this.#outcome as Outcome
    return new Promise((resolve, reject) => deliverUnlessAborted(this.#call, this.#signal, outcome, resolve, reject))
  }

  async end(): Promise<void> {
    giveUpCall(this.#engine, this.#call)
    while (this.#outcome === null) await this.#wake.next()
  }

  /** In halves: a frame for each value would cost as much as the value. */
  #refund(): void {
    if (++this.#taken < FIRST_STREAM_CREDIT / 2) return
    this.#engine.supervisor.credit(this.#call, this.#taken)
    this.#taken = 0
  }
}
