// Which test files run at the same time. Most tests wait more than they compute, but those that compute must not crowd
// each other: as many of them at once as there are cores, and half as many beside them of those that mostly wait.
import { availableParallelism } from 'node:os'

/** Their tests wait for servers, for Python and for what is due, and compute little. */
const WAITING_ROOMS = ['brokers', 'interop', 'results']

/**
 * Gives what `run` gave for each file. The slow ones first: a long one that began last would run alone. When `signal` is
 * aborted no further file begins.
 */
export async function runInLanes(files, { isSlow, signal, run, cores = Math.min(4, availableParallelism()) }) {
  const waiting = [...files].sort((one, other) => isSlow(other) - isSlow(one))
  let computing = 0
  const take = () => {
    if (signal.aborted) return undefined
    const at = waiting.findIndex((file) => computing < cores || isMostlyWaiting(file))
    return at === -1 ? undefined : waiting.splice(at, 1)[0]
  }
  const results = []
  const lane = async () => {
    for (let file = take(); file !== undefined; file = take()) {
      const load = isMostlyWaiting(file) ? 0 : 1
      computing += load
      results.push(await run(file))
      computing -= load
    }
  }
  await Promise.all(Array.from({ length: cores + Math.ceil(cores / 2) }, lane))
  return results
}

function isMostlyWaiting(file) {
  return WAITING_ROOMS.includes(file.split('/')[1])
}
