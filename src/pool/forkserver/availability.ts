/** Whether children can be forked here at all. */
import { CaromError } from '../../errors.ts'
import { type Addon, findAddon } from '../../native/addon.ts'

/** @throws CaromError `CAROM_FORK_UNAVAILABLE`, with `reason`. */
export function forkingAddon(): Addon {
  const found = findAddon()
  if (found.addon !== null) return found.addon
  const text = `Children cannot be forked: ${found.reason}. Start them by spawn (startMethod: 'spawn')`
  throw new CaromError('CAROM_FORK_UNAVAILABLE', text, { reason: found.reason })
}
