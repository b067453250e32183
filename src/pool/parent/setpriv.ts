/** The program that asks the kernel to kill a child when its parent dies, where the system has one that can. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Its arguments before the command that it becomes: same pid, same pipes. */
export const PARENT_DEATH_FLAGS = ['--pdeathsig', 'KILL', '--']

// Undefined until it is known for sure.
let path: string | null | undefined

/** Looked for and tried once per process: Busybox and older systems have a `setpriv` that does not know the flag. */
export function findSetpriv(): string | null {
  if (path === undefined && process.platform !== 'linux') path = null
  if (path === undefined) path = search()
  return path ?? null
}

/** A program could not be started: it may have been moved, or removed, since it was found. */
export function lookAgainForSetpriv(): void {
  path = undefined
}

function search(): string | null | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((each) => each !== '')
  const found = folders.map((folder) => join(folder, 'setpriv')).find(isExecutable)
  if (found === undefined) return null
  const trial = spawnSync(found, [...PARENT_DEATH_FLAGS, '/bin/sh', '-c', ':'], { stdio: 'ignore', timeout: TRIAL_MS })
  // Out of descriptors, or too slow just now: the next child asks again.
  if (trial.error !== undefined) return undefined
  return trial.status === 0 ? found : null
}

const TRIAL_MS = 2_000

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
