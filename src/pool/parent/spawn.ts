/** Starts a child as a program of its own, which the kernel ends with its parent where the system can be asked for that. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findSetpriv, PARENT_DEATH_FLAGS } from './setpriv.ts'

export interface SpawnOptions {
  readonly execArgv: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** Its stdin is empty; its stdout, its stderr and its channel on fd 3 are pipes to here, the memory of its tickets is on 4. */
export function spawnChild(generation: number, { execArgv, env }: SpawnOptions, ticketFd?: number): ChildProcess {
  const tickets = ticketFd === undefined ? [] : ['4']
  const node = [...execArgv, ENTRY, String(generation), String(process.pid), ...tickets]
  const setpriv = findSetpriv()
  const [command, args] =
    setpriv === null ? [process.execPath, node] : [setpriv, [...PARENT_DEATH_FLAGS, process.execPath, ...node]]
  return spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...(ticketFd === undefined ? [] : [ticketFd])],
    detached: true,
    env,
    windowsHide: true,
  })
}

const ENTRY = fileURLToPath(new URL('../child/main.js', import.meta.url))
