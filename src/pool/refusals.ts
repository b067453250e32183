/** An executor refuses what it cannot keep, before anything is started. */
import { CaromError } from '../errors.ts'
import { EXECUTORS, type ExecutorName, type Guarded, NEUTRAL, OPTIONS } from './capabilities.ts'

/** What was asked for; `undefined` is not. */
export type Asked = Readonly<Partial<Record<Guarded, unknown>>>

/** @throws CaromError `CAROM_EXECUTOR_UNABLE`, with `executor` and `option`, for what the executor cannot keep. */
export function refuseUnable(executor: ExecutorName, asked: Asked): void {
  for (const option of REFUSED[executor]) {
    const value = asked[option]
    if (value !== undefined && value !== NEUTRAL[option]) throw unable(executor, option)
  }
}

function unable(executor: ExecutorName, option: Guarded): CaromError {
  const able = EXECUTORS.filter((each) => OPTIONS[option][each] === null)
  const wayOut = `Leave it out, or use the executor ${able.map((each) => `"${each}"`).join(' or ')}`
  const text = `The executor "${executor}" cannot keep ${option}: ${OPTIONS[option][executor]}. ${wayOut}`
  return new CaromError('CAROM_EXECUTOR_UNABLE', text, { executor, option })
}

/** Looked at for every job, so not searched for every time. */
const REFUSED: Readonly<Record<ExecutorName, readonly Guarded[]>> = {
  prefork: refusedBy('prefork'),
  threads: refusedBy('threads'),
  inline: refusedBy('inline'),
}

function refusedBy(executor: ExecutorName): readonly Guarded[] {
  return (Object.keys(OPTIONS) as Guarded[]).filter((option) => OPTIONS[option][executor] !== null)
}
