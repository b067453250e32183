import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Resolves when none of the processes is there any more. @throws Error after ten seconds. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  const deadlineMs = performance.now() + 10_000
  while (pids.some(isAlive)) {
    if (performance.now() > deadlineMs)
      throw new Error(`Processes were left behind: ${pids.filter(isAlive).join(', ')}`)
    await pause(1)
  }
}

/** Whether a process is there and not a zombie: some inits never reap. */
function isAlive(pid: number): boolean {
  try {
    if (process.platform === 'linux') return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
