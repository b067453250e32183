/** What one child asks the owner of its pool, and the answers on their way back. */
import { toFailure } from '../../support/failure.ts'
import { FrameError, type Payload } from '../protocol/frame.ts'
import { MAX_OPEN_QUESTIONS, type ToChild } from '../protocol/messages.ts'
import { decodePayload, encodePayload } from '../protocol/payload.ts'

export type Answerer = (name: string, value: unknown) => Promise<unknown>

/** What a child's questions need of it. */
export interface Asker {
  /** Bytes that wait for the child to read, answers and orders; absent where nothing ever waits. */
  readonly unreadBytes?: number
  send(answer: Extract<ToChild, { readonly type: 'answer' }>): void
}

export class Questions {
  readonly #asker: Asker
  readonly #answerer: Answerer | null
  readonly #sharesMemory: boolean
  #open = 0
  /** Of the answers that were given since the child was last seen to have read everything. */
  #givenBytes = 0

  constructor(asker: Asker, answerer: Answerer | null, sharesMemory: boolean) {
    this.#asker = asker
    this.#answerer = answerer
    this.#sharesMemory = sharesMemory
  }

  /** @throws FrameError for one more than a child may have open at once, or if it asks on and reads no answer. */
  take(question: number, payload: Payload): void {
    if (this.#open >= MAX_OPEN_QUESTIONS) throw new FrameError('A question too many')
    const { unreadBytes = 0 } = this.#asker
    if (unreadBytes === 0) this.#givenBytes = 0
    // A child that asks as fast as it reads is behind at every question, and reads all the same. And large orders may wait
    // for one that has read every answer.
    if (Math.min(unreadBytes, this.#givenBytes) > MAX_UNREAD_BYTES) {
      throw new FrameError('It asks on, and reads no answer')
    }
    this.#open++
    void this.#answer(payload).then((answer) => {
      this.#open--
      this.#givenBytes += answer.bytes.length
      this.#asker.send({ type: 'answer', job: question, payload: answer })
    })
  }

  /** Never rejects: a question that cannot be read or an answer that cannot be sent is a failure that can be told. */
  async #answer(payload: Payload): Promise<Payload> {
    try {
      const [name, value] = decodePayload(payload) as [string, unknown]
      if (this.#answerer === null) throw new TypeError(`Nobody answers "${name}" in this pool`)
      return encodePayload(['ok', await this.#answerer(name, value)], this.#sharesMemory)
    } catch (error) {
      return encodePayload(['error', toFailure(error)])
    }
  }
}

/** A child that reads hardly comes near; one that does not would fill this process with its answers. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024
