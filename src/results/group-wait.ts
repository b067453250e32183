/** Waiting for many results at once: one deadline, and whatever was begun ends with the whole. */
import { setMaxListeners } from 'node:events'
import { type AsyncResult, whenEnded } from './async-result.ts'
import type { ResultMeta } from './meta.ts'
import type { GetOptions } from './result-wait.ts'

/** Gives `wait` a signal that ends with the caller's own, and when `wait` has ended. */
export async function waitForAll<T>(
  { timeoutMs, signal }: GetOptions,
  wait: (options: GetOptions) => Promise<T>,
): Promise<T> {
  const ending = abortedBy(signal)
  try {
    return await wait({ timeoutMs, signal: ending.signal })
  } finally {
    ending.stop()
  }
}

export interface EndedResult {
  readonly result: AsyncResult
  readonly meta: ResultMeta
}

/** Each of them once its task has ended. Rejects once a result cannot be waited for. */
export async function* asTheyEnd(
  results: readonly AsyncResult[],
  { timeoutMs, signal }: GetOptions,
): AsyncGenerator<EndedResult, void, undefined> {
  const ending = abortedBy(signal)
  const ended: EndedResult[] = []
  let failure: { readonly error: unknown } | null = null
  let wake = () => {}
  const follow = async (result: AsyncResult) => {
    try {
      ended.push({ result, meta: await whenEnded(result, { timeoutMs, signal: ending.signal }) })
    } catch (error) {
      failure ??= { error }
    }
    wake()
  }
  for (const result of results) void follow(result)
  try {
    for (let at = 0; at < results.length; at++) {
      while (ended.length === at) {
        if (failure !== null) throw (failure as { readonly error: unknown }).error
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      yield ended[at] as EndedResult
    }
  } finally {
    ending.stop()
  }
}

function abortedBy(signal: AbortSignal | undefined): { readonly signal: AbortSignal; stop(): void } {
  const ending = new AbortController()
  // One listener for each task: many are no leak.
  setMaxListeners(0, ending.signal)
  const abort = () => ending.abort(signal?.reason)
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort)
  return {
    signal: ending.signal,
    stop() {
      signal?.removeEventListener('abort', abort)
      ending.abort()
    },
  }
}
