/** What each form of a job does with its export. */
import { toFailure } from '../../support/failure.ts'
import { isThenable } from '../../support/thenable.ts'
import type { CallForm, MapResult } from '../protocol/messages.ts'
import type { AnyFunction } from './exports.ts'
import type { Outlet } from './outlet.ts'
import type { RunningJob } from './running-job.ts'

/** The job's value, or a promise of it. `args` are as in `CallOrder`. */
export function callAs(form: CallForm, fn: AnyFunction, args: readonly unknown[], job: RunningJob): unknown {
  switch (form) {
    case 'call':
      return fn(...args)
    case 'map':
      return mapEach(args[0] as unknown[], fn, job)
    case 'starmap':
      return mapEach(args[0] as unknown[], (item) => fn(...(item as unknown[])), job)
    case 'stream':
      return pour(fn(...args), job, job.outlet as Outlet)
  }
}

/** One after the other; ends with the first that fails, or when the job is to stop. */
async function mapEach(
  items: readonly unknown[],
  call: (item: unknown) => unknown,
  job: RunningJob,
): Promise<MapResult> {
  const results: unknown[] = []
  try {
    for (const item of items) {
      if (job.reason !== null) throw job.reason
      const value = call(item)
      results.push(isThenable(value) ? await value : value)
    }
    return [results, null]
  } catch (error) {
    return [results, toFailure(error)]
  }
}

/** Sends what the generator yields, as far as there is credit. Its return value is the job's. */
async function pour(source: unknown, job: RunningJob, outlet: Outlet): Promise<unknown> {
  const iterator = iteratorOf(source)
  for (;;) {
    await outlet.room()
    // Nobody reads any more.
    if (outlet.isClosed) return leave(iterator, job.reason)
    const step = await iterator.next()
    if (step.done) return step.value
    try {
      outlet.send(step.value)
    } catch (error) {
      return leave(iterator, error)
    }
  }
}

/** The generator's `finally` runs here; what it may throw does not hide why it was left. */
async function leave(iterator: AsyncIterator<unknown> | Iterator<unknown>, reason: unknown): Promise<never> {
  try {
    await iterator.return?.()
  } catch {
    // See above.
  }
  throw reason
}

function iteratorOf(source: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  // A text can be iterated too, but hardly anybody means its letters.
  if (typeof source === 'object' && source !== null) {
    const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>>
    const iterator = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.()
    if (iterator !== undefined) return iterator
  }
  throw new TypeError('A streamed function has to be a generator, or to return something that can be iterated')
}
