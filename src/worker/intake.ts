/** Claims messages as long as there is room, and waits for room or for messages otherwise. */
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import type { Consumer, Delivery } from '../brokers/broker.ts'
import { backoffMs } from '../support/backoff.ts'

export interface IntakeOwner {
  /** How many messages may be claimed now; 0 to wait for `roomFreed`. */
  room(): number
  /** False when none of them was for this worker: others should have their turn now. */
  receive(deliveries: readonly Delivery[]): boolean
  /** The store refused a claim. True to go on after `delayMs`, false to claim no more. */
  claimFailed(error: unknown, delayMs: number): boolean
}

export class Intake {
  readonly #consumer: Consumer
  readonly #owner: IntakeOwner
  readonly #stop = new AbortController()
  #claim = new AbortController()
  #wake: (() => void) | null = null

  constructor(consumer: Consumer, owner: IntakeOwner) {
    this.#consumer = consumer
    this.#owner = owner
  }

  /** Resolves after `stop`, when no claim is under way any more. */
  async run(): Promise<void> {
    const { signal } = this.#stop
    let failures = 0
    while (!signal.aborted) {
      const room = this.#owner.room()
      if (room === 0) {
        await this.#roomOrStop()
        continue
      }
      try {
        if (this.#claim.signal.aborted) this.#claim = new AbortController()
        const deliveries = await this.#consumer.claim(room, { signal: this.#claim.signal })
        failures = 0
        if (deliveries.length === 0) continue
        if (this.#owner.receive(deliveries)) {
          // The children get what was claimed before the store is asked for more.
          await turn()
        } else {
          await pause(COURTESY_MS, undefined, { signal }).catch(() => {})
        }
      } catch (error) {
        if (signal.aborted) return
        const delayMs = backoffMs(failures++, CLAIM_BACKOFF)
        if (!this.#owner.claimFailed(error, delayMs)) return
        await pause(delayMs, undefined, { signal }).catch(() => {})
      }
    }
  }

  roomFreed(): void {
    this.#wake?.()
  }

  /** A claim that waits for messages asks for more than there is room for now. */
  roomLost(): void {
    this.#claim.abort()
  }

  stop(): void {
    this.#stop.abort()
    this.#claim.abort()
    this.#wake?.()
  }

  #roomOrStop(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null
        resolve()
      }
    })
  }
}

// A queue whose tasks another worker knows: that one finds most of them there, and what lies behind them is reached too.
const COURTESY_MS = 100
const CLAIM_BACKOFF = { firstMs: 100, maxMs: 5_000 }
