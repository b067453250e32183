/** What one child asks the owner of its pool, and the answers on their way back. */
import { toFailure } from '../../support/failure.ts'
import { FrameError, type Payload } from '../protocol/frame.ts'
import { MAX_OPEN_QUESTIONS } from '../protocol/messages.ts'
import { decodePayload, encodePayload } from '../protocol/payload.ts'

export type Answerer = (name: string, value: unknown) => Promise<unknown>

export class Questions {
  readonly #answerer: Answerer | null
  readonly #sharesMemory: boolean
  readonly #reply: (question: number, answer: Payload) => void
  #open = 0

  constructor(answerer: Answerer | null, sharesMemory: boolean, reply: (question: number, answer: Payload) => void) {
    this.#answerer = answerer
    this.#sharesMemory = sharesMemory
    this.#reply = reply
  }

  /** @throws FrameError for one more than a child may have open at once. */
  take(question: number, payload: Payload): void {
    if (this.#open >= MAX_OPEN_QUESTIONS) throw new FrameError('A question too many')
    this.#open++
    void this.#answer(payload).then((answer) => {
      this.#open--
      this.#reply(question, answer)
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
