/** Questions from a child to the owner of its pool: how code in a child reaches what only the parent holds. */

export interface OpenQuestion {
  resolve(value: unknown): void
  reject(error: Error): void
}

class OpenQuestions {
  readonly #open = new Map<number, OpenQuestion>()
  #last = 0
  send: (question: number, name: string, value: unknown) => void = () => {
    throw new TypeError('ask() works only in a child of a pool')
  }

  add(question: OpenQuestion): number {
    if (this.#open.size >= MAX_OPEN) {
      throw new RangeError(`${MAX_OPEN} questions of this child wait for an answer already: await some first`)
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

const MAX_OPEN = 10_000

/** Belongs to the child's loop. */
export const openQuestions = new OpenQuestions()

/** Asks the pool's owner (its `answer` option) and resolves with what it said; rejects as it failed. */
export function ask(name: string, value: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const number = openQuestions.add({ resolve, reject })
    openQuestions.send(number, name, value)
  })
}
