/**
 * What is young when a process is forked is moved by the first collection of every child, each to memory of its own. After
 * a full collection nothing is young, and what was garbage is in no child.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export function compactHeap(): void {
  // The only way to it in a process that was not started with the flag; later contexts do not have it.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  collect()
}
