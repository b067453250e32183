/** Results that come as events with a job's id, perhaps before anybody asks for them. */
import { withResolvers } from '../../../src/pool/with-resolvers.ts'
import type { Pending } from './client.ts'

type Slot = ReturnType<typeof withResolvers<unknown>>

export class Outcomes {
  readonly #slots = new Map<string, Slot>()

  succeeded(jobId: string, result: unknown): void {
    this.#slot(jobId).resolve(result)
  }

  failed(jobId: string, error: Error): void {
    const { promise, reject } = this.#slot(jobId)
    // Whoever waits is told; until then it is nobody's.
    promise.catch(() => {})
    reject(error)
  }

  of(jobId: string): Pending {
    const { promise } = this.#slot(jobId)
    return () => promise.finally(() => this.#slots.delete(jobId))
  }

  #slot(jobId: string): Slot {
    const known = this.#slots.get(jobId)
    if (known !== undefined) return known
    const slot = withResolvers<unknown>()
    this.#slots.set(jobId, slot)
    return slot
  }
}
