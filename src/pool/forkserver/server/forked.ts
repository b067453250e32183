/** What a process does that has just been forked, to be as one that was spawned. */
import { readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Addon, Descriptors } from '../../../native/addon.ts'
import { liveAsChild, loadBeside } from '../../child/process.ts'
import { endBy } from './endings.ts'
import { becomeUnpredictable } from './randomness.ts'

export interface Birth {
  readonly generation: number
  /** Its stdout, its stderr, its channel and the memory that it shares. */
  readonly descriptors: Descriptors
  readonly serverPid: number
  readonly execArgv: readonly string[]
}

export function liveAsForked(addon: Addon, { generation, descriptors, serverPid, execArgv }: Birth): void {
  for (const [at, fd] of descriptors.entries()) addon.moveDescriptor(fd, at + 1)
  Object.defineProperty(process, 'pid', { value: ownPid(), enumerable: true, configurable: true })
  process.argv = [process.execPath, ENTRY, String(generation), String(serverPid), String(MEMORY_FD)]
  process.execArgv = [...execArgv]
  const bornAt = process.hrtime.bigint()
  process.uptime = () => Number(process.hrtime.bigint() - bornAt) / 1e9
  endBy((code) => addon.exit(code))
  becomeUnpredictable(addon)
  liveAsChild(generation, MEMORY_FD, loadBeside(serverPid))
}

/** Node has asked once, in another process. */
function ownPid(): number {
  return Number(readlinkSync('/proc/self'))
}

const MEMORY_FD = 4
const ENTRY = fileURLToPath(new URL('../../child/main.js', import.meta.url))
