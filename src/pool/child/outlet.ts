/** Where a stream's job puts what it yields: each value takes one credit, and without credit it waits. */
import { FIRST_STREAM_CREDIT } from '../protocol/messages.ts'

export class Outlet {
  readonly #send: (value: unknown) => void
  #credit = FIRST_STREAM_CREDIT
  #closed = false
  #waiter: (() => void) | null = null

  constructor(send: (value: unknown) => void) {
    this.#send = send
  }

  get isClosed(): boolean {
    return this.#closed
  }

  add(credit: number): void {
    this.#credit += credit
    this.#wake()
  }

  /** Nobody wants more of it. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  /** Resolves when a value may be sent, or none is wanted any more. */
  async room(): Promise<void> {
    while (this.#credit === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#waiter = resolve
      })
    }
  }

  /** @throws TypeError, RangeError for what cannot leave its process. */
  send(value: unknown): void {
    this.#send(value)
    this.#credit--
  }

  #wake(): void {
    this.#waiter?.()
    this.#waiter = null
  }
}
