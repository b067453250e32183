/** Questions from a child to the owner of its pool: how code in a child reaches what only the parent holds. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { OpenQuestions } from './open-questions.ts'

/** A process or a thread is one child; where several run in one, each is told from the others by its context. */
let own: OpenQuestions | null = null
const inContext = new AsyncLocalStorage<OpenQuestions>()

/** From now on this process or thread asks through these. */
export function askThrough(questions: OpenQuestions): void {
  own = questions
}

/** What `run` does, and all that it starts, asks through these. */
export function whileAskingThrough(questions: OpenQuestions, run: () => void): void {
  inContext.run(questions, run)
}

/**
 * Asks the pool's owner (its `answer` option) and resolves with what it said; rejects as it failed.
 *
 * @throws CaromError `CAROM_ARGUMENTS_TOO_LARGE` over the pool's `maxPayloadBytes`; nothing was asked.
 */
export async function ask(name: string, value: unknown): Promise<unknown> {
  const questions = inContext.getStore() ?? own
  if (questions === null) throw new TypeError('ask() works only in a child of a pool')
  return questions.ask(name, value)
}
