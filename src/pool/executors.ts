/** Which executor a pool's options mean. */

import { MAX_FAILURE_BYTES } from '../support/failure.ts'
import { forkingFor } from './forkserver/availability.ts'
import { ForkExecutor } from './forkserver/executor.ts'
import { InlineExecutor } from './inline/executor.ts'
import type { FilledPoolOptions } from './options.ts'
import type { Executor } from './parent/child-handle.ts'
import { PreforkExecutor } from './parent/prefork.ts'
import { ThreadsExecutor } from './threads/executor.ts'

/** @throws CaromError `CAROM_FORK_UNAVAILABLE`. */
export function openExecutor(options: FilledPoolOptions): Executor {
  const { executor, execArgv, env, processes } = options
  switch (executor) {
    case 'prefork':
      return openPrefork(options)
    case 'threads':
      return new ThreadsExecutor({ execArgv, env, processes })
    case 'inline':
      return new InlineExecutor()
  }
}

function openPrefork({ startMethod, execArgv, env, preload, startTimeoutMs, ...options }: FilledPoolOptions): Executor {
  // A failure is told whole, however small the limit for results.
  const maxPayloadBytes = Math.max(options.maxPayloadBytes, MAX_FAILURE_BYTES)
  const common = { execArgv: execArgv ?? [], env, maxPayloadBytes }
  const forking = startMethod === 'spawn' ? null : forkingFor(startMethod, common)
  if (forking === null) return new PreforkExecutor(common)
  return new ForkExecutor({ ...common, ...forking, preload, startTimeoutMs })
}
