/** The questions of one child that wait for their answers. */
import { CaromError } from '../../errors.ts'
import { readFailure } from '../../support/failure.ts'
import type { Payload } from '../protocol/frame.ts'
import { type Answer, MAX_OPEN_QUESTIONS } from '../protocol/messages.ts'
import { encodePayload } from '../protocol/payload.ts'

interface Waiter {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** Sends a question; the channel's part. */
export type SendQuestion = (question: number, payload: Payload) => void

export class OpenQuestions {
  readonly #send: SendQuestion
  readonly #sharesMemory: boolean
  readonly #open = new Map<number, Waiter>()
  #last = 0
  #end: CaromError | null = null
  maxPayloadBytes = Number.POSITIVE_INFINITY

  constructor(send: SendQuestion, sharesMemory: boolean) {
    this.#send = send
    this.#sharesMemory = sharesMemory
  }

  /** @throws CaromError `CAROM_ARGUMENTS_TOO_LARGE`, `CAROM_CHILD_LOST`; RangeError for one too many. */
  async ask(name: string, value: unknown): Promise<unknown> {
    const payload = encodePayload([name, value], this.#sharesMemory)
    if (payload.bytes.length > this.maxPayloadBytes) {
      const text = `The question "${name}" has ${payload.bytes.length} bytes, over the limit of ${this.maxPayloadBytes}: ask in parts`
      throw new CaromError('CAROM_ARGUMENTS_TOO_LARGE', text)
    }
    if (this.#end !== null) throw this.#end
    if (this.#open.size >= MAX_OPEN_QUESTIONS) {
      throw new RangeError(`${MAX_OPEN_QUESTIONS} questions of this child wait for an answer already: await some first`)
    }
    return new Promise((resolve, reject) => {
      this.#open.set(++this.#last, { resolve, reject })
      this.#send(this.#last, payload)
    })
  }

  answer(question: number, answer: Answer): void {
    const waiter = this.#open.get(question)
    this.#open.delete(question)
    if (answer[0] === 'ok') return waiter?.resolve(answer[1])
    const failure = readFailure(answer[1])
    const error = new Error(failure.message)
    error.name = failure.name
    if (failure.code !== null) Object.assign(error, { code: failure.code })
    waiter?.reject(error)
  }

  /** Nobody answers any more: those that wait fail, and so do those to come. */
  close(): void {
    this.#end = new CaromError('CAROM_CHILD_LOST', 'The child that asks is over: its pool has given it up')
    for (const { reject } of this.#open.values()) reject(this.#end)
    this.#open.clear()
  }
}
