/** A program that ends with the test file, also when that is killed and can release nothing. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

const SETPRIV = '/usr/bin/setpriv'

/** Like `spawn`. On Linux the kernel kills the program with this process; it has the pid that is given. */
export function spawnBound(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  if (!existsSync(SETPRIV)) return spawn(program, args, options)
  return spawn(SETPRIV, ['--pdeathsig', 'KILL', program, ...args], options)
}
