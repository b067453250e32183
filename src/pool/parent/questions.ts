/** What one child asks the owner of its pool, and the answers on their way back. */
import { toFailure } from '../../support/failure.ts'
import { FrameError, type Payload } from '../protocol/frame.ts'
import { MAX_OPEN_QUESTIONS, type ToChild } from '../protocol/messages.ts'
import { decodePayload, encodePayload } from '../protocol/payload.ts'

export type Answerer = (name: string, value: unknown) => Promise<unknown>

/** What a child's questions need of it. */
export interface Asker {
  /** Orders wait for the child to read. */
  readonly isBehind?: boolean
  send(answer: Extract<ToChild, { readonly type: 'answer' }>): void
}

export class Questions {
  readonly #asker: Asker
  readonly #answerer: Answerer | null
  readonly #sharesMemory: boolean
  #open = 0
  /** Answers that were given since the child was last seen to have read everything. */
  #unread = 0
  #unreadBytes = 0

  constructor(asker: Asker, answerer: Answerer | null, sharesMemory: boolean) {
    this.#asker = asker
    this.#answerer = answerer
    this.#sharesMemory = sharesMemory
  }

  /** @throws FrameError for one more than a child may have open at once, or if it asks on and reads no answer. */
  take(question: number, payload: Payload): void {
    if (!this.#asker.isBehind) this.#unread = this.#unreadBytes = 0
    if (this.#open + this.#unread >= MAX_OPEN_QUESTIONS) throw new FrameError('A question too many')
    if (this.#unreadBytes > MAX_UNREAD_BYTES) throw new FrameError('It asks on, and reads no answer')
    this.#open++
    void this.#answer(payload).then((answer) => {
      this.#open--
      this.#unread++
      this.#unreadBytes += answer.bytes.length
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

/** A child that reads now and then never comes near; one that does not would fill this process with its answers. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024
