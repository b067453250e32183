/** Questions from a child to the owner of its pool: how code in a child reaches what only the parent holds. */
import { CaromError } from '../../errors.ts'
import type { Payload } from '../protocol/frame.ts'
import { MAX_OPEN_QUESTIONS } from '../protocol/messages.ts'
import { encodePayload } from '../protocol/payload.ts'

export interface OpenQuestion {
  resolve(value: unknown): void
  reject(error: Error): void
}

class OpenQuestions {
  readonly #open = new Map<number, OpenQuestion>()
  #last = 0
  maxPayloadBytes = Number.POSITIVE_INFINITY
  send: (question: number, payload: Payload) => void = () => {
    throw new TypeError('ask() works only in a child of a pool')
  }

  add(question: OpenQuestion): number {
    if (this.#open.size >= MAX_OPEN_QUESTIONS) {
      throw new RangeError(`${MAX_OPEN_QUESTIONS} questions of this child wait for an answer already: await some first`)
    }
    this.#open.set(++this.#last, question)
    return this.#last
  }

  take(number: number): OpenQuestion | undefined {
    const question = this.#open.get(number)
    this.#open.delete(number)
    return question
  }
}

/** Belongs to the child's loop. */
export const openQuestions = new OpenQuestions()

/**
 * Asks the pool's owner (its `answer` option) and resolves with what it said; rejects as it failed.
 *
 * @throws CaromError `CAROM_ARGUMENTS_TOO_LARGE` over the pool's `maxPayloadBytes`; nothing was asked.
 */
export async function ask(name: string, value: unknown): Promise<unknown> {
  const payload = encodePayload([name, value])
  const limit = openQuestions.maxPayloadBytes
  if (payload.bytes.length > limit) {
    const text = `The question "${name}" has ${payload.bytes.length} bytes, over the limit of ${limit}: ask in parts`
    throw new CaromError('CAROM_ARGUMENTS_TOO_LARGE', text)
  }
  return new Promise((resolve, reject) => {
    openQuestions.send(openQuestions.add({ resolve, reject }), payload)
  })
}
