/**
 * What is young when a process is forked is moved by the first collection of every child, each to memory of its own. After
 * a full collection nothing is young, and what was garbage is in no child.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export function compactHeap(): void {
  // The only way to it in a process that was not started with the flag; later contexts do not have it.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how?: object) => void
  setFlagsFromString('--no-expose-gc')
  if (KNOWS_LAST_RESORT) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  else collect()
}

/**
 * A last resort gives back what the young generation has grown to while everything was loaded: every fork would copy its
 * page tables. V8 knows it since Node 22; an older one would do less than is asked here.
 */
const KNOWS_LAST_RESORT = Number.parseInt(process.versions.node, 10) >= 22
