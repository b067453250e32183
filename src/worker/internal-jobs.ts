/**
 * What has to be decoded while no child runs the task: asked of a child, under limits, as a job of the worker's own. A
 * child that dies of it dies alone; the question is put to another one, and given up after three.
 */
import { isCaromError } from '../errors.ts'
import type { Pool } from '../pool/index.ts'
import { decodeResult, readJobFailure, toError } from '../pool/outcome.ts'
import type { Outcome } from '../pool/parent/state.ts'
import { type Failure, toFailure } from '../support/failure.ts'

/** The exports of the children's module that only the worker calls. */
export type InternalJob = 'fail' | 'finish' | 'convert'

export type Answer<T> =
  | { readonly type: 'said'; readonly value: T }
  /** It threw, or what it said is not to be believed: asking again would not help. */
  | { readonly type: 'failed'; readonly failure: Failure }
  /** Three children have died of it, or were killed over its limits. */
  | { readonly type: 'died'; readonly failure: Failure }
  /** The pool is ending. */
  | { readonly type: 'stopped' }

export class InternalJobs {
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** `check` reads what the child has said, and throws if it makes no sense. */
  async ask<T>(name: InternalJob, order: unknown, check: (said: unknown) => T): Promise<Answer<T>> {
    for (let deaths = 1; ; deaths++) {
      const answer = await this.#once(name, order, check)
      if (answer.type !== 'died' || deaths === MAX_DEATHS) return answer
    }
  }

  #once<T>(name: InternalJob, order: unknown, check: (said: unknown) => T): Promise<Answer<T>> {
    return new Promise((resolve) => {
      const job = { id: 0, name }
      try {
        this.#pool.execute(
          { name, form: 'call', args: [order], options: { timeLimitMs: TIME_LIMIT_MS, priority: PRIORITY } },
          { settled: (outcome) => resolve(read(job, outcome, check)) },
        )
      } catch (error) {
        const isClosed = isCaromError(error, 'CAROM_POOL_CLOSED')
        resolve(isClosed ? { type: 'stopped' } : { type: 'failed', failure: toFailure(error) })
      }
    })
  }
}

function read<T>(
  job: { readonly id: number; readonly name: string },
  outcome: Outcome,
  check: (said: unknown) => T,
): Answer<T> {
  switch (outcome.type) {
    case 'succeeded':
      try {
        return { type: 'said', value: check(decodeResult(job, outcome.payload, 'The result')) }
      } catch (error) {
        return { type: 'failed', failure: toFailure(error) }
      }
    case 'failed':
      return { type: 'failed', failure: readJobFailure(outcome.payload) }
    case 'lost':
    case 'interrupted':
    case 'timedOut':
    case 'overMemory':
      return { type: 'died', failure: toFailure(toError(job, outcome)) }
    case 'terminated':
    case 'cancelled':
    case 'unstarted':
      return { type: 'stopped' }
  }
}

const TIME_LIMIT_MS = 30_000
// Before the tasks that wait: others wait for what comes of it, and it is short.
const PRIORITY = 100
const MAX_DEATHS = 3
