/**
 * Settlements of one moment in one call. The first one after a pause goes out at once, so a lone task waits for nobody;
 * under load a call begins at a distance from the last, and what ends meanwhile goes along. Where a store settles in
 * turn, there is one at a time, and the distance grows with what the last one took.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Consumer, Settlement } from '../brokers/broker.ts'

type Settled = 'settled' | 'lost'

interface Waiting {
  readonly settlement: Settlement
  resolve(settled: Settled): void
  reject(error: unknown): void
}

export class SettleBatch {
  readonly #consumer: Consumer
  readonly #calling: () => void
  #waiting: Waiting[] = []
  #draining = false
  #nextCallMs = 0
  #endRest: (() => void) | null = null

  /** `calling` is told before each call: what else is asked of the store at that moment may share its commit. */
  constructor(consumer: Consumer, calling: () => void) {
    this.#consumer = consumer
    this.#calling = calling
  }

  /** Rejects with everything else of its call when the store refuses: try again by `settleAlone`. */
  settle(settlement: Settlement): Promise<Settled> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ settlement, resolve, reject })
      if (!this.#draining) void this.#drain()
    })
  }

  async settleAlone(settlement: Settlement): Promise<Settled> {
    const [settled] = await this.#consumer.settle([settlement])
    return settled as Settled
  }

  /** The next call begins now, if any settlement waits for one. */
  hurry(): void {
    this.#endRest?.()
  }

  async #drain(): Promise<void> {
    this.#draining = true
    try {
      while (this.#waiting.length > 0) {
        await this.#rest(this.#nextCallMs - performance.now())
        await turn()
        const startedAtMs = performance.now()
        const call = this.#call(this.#waiting.splice(0))
        if (this.#consumer.settlesInTurn) await call
        this.#nextCallMs = performance.now() + this.#restMs(performance.now() - startedAtMs)
      }
    } finally {
      this.#draining = false
    }
  }

  #restMs(tookMs: number): number {
    return this.#consumer.settlesInTurn ? Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, 2 * tookMs)) : OVERLAP_REST_MS
  }

  #rest(restMs: number): Promise<void> | undefined {
    if (restMs <= 0) return undefined
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endRest?.(), restMs)
      this.#endRest = () => {
        this.#endRest = null
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #call(batch: readonly Waiting[]): Promise<void> {
    try {
      // Within: nobody else would answer those of the batch, should it throw.
      this.#calling()
      const settled = await this.#consumer.settle(batch.map(({ settlement }) => settlement))
      for (const [index, { resolve }] of batch.entries()) resolve(settled[index] as Settled)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}

const MIN_REST_MS = 2
const MAX_REST_MS = 20
// Without it RabbitMQ and the worker take a quarter more processor time for a task: every write wakes the other side.
const OVERLAP_REST_MS = 5
