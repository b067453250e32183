/** Which executor a pool's options mean. */

import { MAX_FAILURE_BYTES } from '../support/failure.ts'
import { InlineExecutor } from './inline/executor.ts'
import type { FilledPoolOptions } from './options.ts'
import type { Executor } from './parent/child-handle.ts'
import { PreforkExecutor } from './parent/prefork.ts'
import { ThreadsExecutor } from './threads/executor.ts'

export function openExecutor({ executor, execArgv, env, maxPayloadBytes, processes }: FilledPoolOptions): Executor {
  switch (executor) {
    case 'prefork':
      return new PreforkExecutor({
        execArgv: execArgv ?? [],
        env,
        // A failure is told whole, however small the limit for results.
        maxPayloadBytes: Math.max(maxPayloadBytes, MAX_FAILURE_BYTES),
      })
    case 'threads':
      return new ThreadsExecutor({ execArgv, env, processes })
    case 'inline':
      return new InlineExecutor()
  }
}
