/** Starts a child as a program of its own, which the kernel ends with its parent where the system can be asked for that. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findAddon } from '../../native/addon.ts'
import type { StartedProcess } from './child-process.ts'
import { makeMemory } from './make-memory.ts'
import { findSetpriv, PARENT_DEATH_FLAGS } from './setpriv.ts'

export interface SpawnOptions {
  readonly execArgv: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** What a child has as stdout, stderr, channel and memory to share: pipes to here, or descriptors. */
type Ends = readonly ['pipe', 'pipe', 'pipe', number?] | readonly [number, number, number, number]

/** Its stdin is empty. It shares memory where that can be had. */
export function spawnChild(generation: number, options: SpawnOptions): StartedProcess {
  const { addon } = findAddon()
  const made = addon && makeMemory(addon)
  if (made === null) return spawnWithEnds(generation, options, ['pipe', 'pipe', 'pipe'])
  const { fd, memory, close } = made
  try {
    return Object.assign(spawnWithEnds(generation, options, ['pipe', 'pipe', 'pipe', fd]), { memory })
  } finally {
    close()
  }
}

export function spawnWithEnds(generation: number, { execArgv, env }: SpawnOptions, ends: Ends): ChildProcess {
  const node = [...execArgv, ENTRY, String(generation), String(process.pid), ...(ends.length === 4 ? ['4'] : [])]
  const setpriv = asksKernelItself(execArgv, env) ? null : findSetpriv()
  const [command, args] =
    setpriv === null ? [process.execPath, node] : [setpriv, [...PARENT_DEATH_FLAGS, process.execPath, ...node]]
  return spawn(command, args, {
    stdio: ['ignore', ...ends],
    detached: true,
    env,
    windowsHide: true,
  })
}

/**
 * Whether the child can ask, by the addon, to be ended with its parent, before any code of its user runs. Where it
 * cannot, another program asks for it: found and tried once, executed at every start, and of no use to a Node that has
 * capabilities of its own, which the kernel lets forget its parent.
 */
function asksKernelItself(execArgv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const flags = [...execArgv, ...(env.NODE_OPTIONS ?? '').split(/\s+/)]
  return findAddon().addon !== null && !flags.some((flag) => RUNS_BEFORE_OR_REFUSES.test(flag))
}

/** Flags that load what may never come back, that wait for a debugger, that may hold such flags, or that refuse addons. */
const RUNS_BEFORE_OR_REFUSES =
  /^(?:-r|--require|--import|--(?:experimental-)?(?:loader|permission|(?:default-)?config-file)|--env-file|--inspect-|--no-addons)/
const ENTRY = fileURLToPath(new URL('../child/main.js', import.meta.url))
