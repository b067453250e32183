/** How much of this process's heap is in use, once what nobody needs is gone. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export function heapAfterGc(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What a first collection finalizes, the second can take.
  collect()
  collect()
  return process.memoryUsage().heapUsed
}
