/** Whether children can be forked here, as far as a start method asks for it. */
import { CaromError } from '../../errors.ts'
import { findAddon } from '../../native/addon.ts'
import type { ForkOptions } from './executor.ts'
import type { ServerOptions } from './server-process.ts'
import { tryForking } from './trial.ts'
import { verdictFor } from './verdict.ts'
import { warnOnce } from './warning.ts'

type Forking = Pick<ForkOptions, 'addon' | 'trial' | 'otherwise'>

/**
 * What is needed to fork; `null` if children are to be spawned.
 *
 * @throws CaromError `CAROM_FORK_UNAVAILABLE`, with `reason`, where `fork` cannot be had.
 */
export function forkingFor(startMethod: 'auto' | 'fork', options: Omit<ServerOptions, 'preload'>): Forking | null {
  const found = findAddon()
  if (found.addon !== null) {
    const { addon, file } = found
    if (startMethod === 'fork') return { addon, trial: null, otherwise: 'fail' }
    const trial = () =>
      verdictFor([...options.execArgv, options.env.NODE_OPTIONS ?? ''], file, () => tryForking(addon, options))
    return { addon, trial, otherwise: 'spawn' }
  }
  const { reason } = found
  if (startMethod === 'auto') {
    if (process.platform === 'linux') warnOnce(`Children are spawned, since they cannot be forked here: ${reason}`)
    return null
  }
  const text = `Children cannot be forked: ${reason}. Start them by spawn (startMethod: 'spawn')`
  throw new CaromError('CAROM_FORK_UNAVAILABLE', text, { reason })
}

/** Tries it now, in at most two seconds: `null` if children can be forked here, else in one line why not. */
export async function whyNoFork(): Promise<string | null> {
  const found = findAddon()
  if (found.addon === null) return found.reason
  // The trial holds no script alive, and whoever asks waits for it.
  const held = setInterval(() => {}, 0x7fff_ffff)
  try {
    return await tryForking(found.addon, { execArgv: [], env: process.env })
  } finally {
    clearInterval(held)
  }
}
