/** The calls that a signal takes back share one listener: Node takes more than ten for a leak. */

const followed = new WeakMap<AbortSignal, Followers>()

interface Followers {
  readonly calls: Set<() => void>
  readonly listener: () => void
}

/** Calls `aborted` when the signal is aborted, unless the function it gives is called before. */
export function onAbort(signal: AbortSignal, aborted: () => void): () => void {
  const { calls, listener } = followed.get(signal) ?? follow(signal)
  calls.add(aborted)
  return () => {
    calls.delete(aborted)
    if (calls.size > 0) return
    signal.removeEventListener('abort', listener)
    followed.delete(signal)
  }
}

function follow(signal: AbortSignal): Followers {
  const calls = new Set<() => void>()
  const listener = (): void => {
    for (const aborted of calls) aborted()
  }
  signal.addEventListener('abort', listener, { once: true })
  const followers = { calls, listener }
  followed.set(signal, followers)
  return followers
}
