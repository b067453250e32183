/** What the parent saw of a child's end, put together from the machine's record, the shell's and the system's. */
import { toFailure } from '../../support/failure.ts'
import type { Death } from './certificate.ts'
import type { ChildEnd } from './child-handle.ts'
import type { ChildRecord } from './child-record.ts'
import type { Condemnation, KillReason, PoolChild } from './state.ts'

export function toDeath(record: ChildRecord, end: ChildEnd, oomKilled: boolean): Death {
  const { child, handle, failure, memory } = record
  const { pid, exitCode, signal, stderrTail, heapLimit, spawnError } = end
  return {
    pid,
    exitCode,
    signal,
    phase: child.state === 'starting' ? 'starting' : child.state === 'stopping' ? 'stopping' : 'running',
    ordered: child.killedFor === null ? unordered(child, end) : orderedBy(child, child.killedFor),
    failure: failure ?? (spawnError === null ? null : toFailure(spawnError)),
    stderrTail,
    heapLimit,
    oomKilled,
    cpuMs: end.cpuMs,
    livedMs: Math.round(performance.now() - handle.startedAtMs),
    memoryBytes: memory.last,
  }
}

function unordered({ interrupted }: PoolChild, { spawnError, signal }: ChildEnd): Death['ordered'] {
  if (interrupted !== null && signal === 'SIGINT') return 'time-limit'
  return spawnError === null ? null : 'unstarted'
}

function orderedBy(child: PoolChild, reason: KillReason): Death['ordered'] {
  if (reason === 'bad-frame' || reason === 'unheard') return reason
  if (reason !== 'job') return 'pool'
  // One that waits was to be given back, and has killed nobody.
  for (const [job, condemnation] of child.condemned) if (job.state === 'accepted') return BY_CONDEMNATION[condemnation]
  return 'terminated'
}

const BY_CONDEMNATION = {
  terminated: 'terminated',
  timedOut: 'time-limit',
  overMemory: 'memory-limit',
} as const satisfies Record<Condemnation, Death['ordered']>
