/** The parent is killed while one child spins and one is idle: what becomes of them? */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuMs, kill, pidsOf } from '../../processes.ts'
import { endProgram, startProgram } from '../../program.ts'

const HOST = new URL('./host.js', import.meta.url)
const POLL_MS = 20
const CPU_SAMPLE_MS = 500

/** What is left `deadlineMs` after the parent's death, in words. */
export async function orphansOf(library: string, deadlineMs: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'carom-bench-'))
  const program = startProgram(HOST, [library, 'orphan', join(folder, 'spinning')])
  try {
    if (!(await comesTrue(() => readdirSync(folder).length > 0, START_MS))) return 'no child started to spin'
    const alive = () => pidsOf(program.family)
    const before = alive().length - 1
    kill(program.family.pid)
    const killedAtMs = performance.now()
    await program.ended
    if (before === 0) return 'it has no child processes: all is gone'
    if (await comesTrue(() => alive().length === 0, deadlineMs)) {
      return `its ${before} child processes are gone after ${Math.round(performance.now() - killedAtMs)} ms`
    }
    return await survivorText(alive(), before, deadlineMs)
  } finally {
    endProgram(program)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function survivorText(pids: readonly number[], before: number, deadlineMs: number): Promise<string> {
  const used = pids.map(cpuMs)
  await pause(CPU_SAMPLE_MS)
  const shares = pids.map((pid, index) => Math.round(((cpuMs(pid) - (used[index] as number)) / CPU_SAMPLE_MS) * 100))
  return `after ${deadlineMs / 1_000} s ${pids.length} of ${before} child processes live on, using ${shares.join(' % and ')} % of a core`
}

async function comesTrue(condition: () => boolean, withinMs: number): Promise<boolean> {
  const giveUpAtMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > giveUpAtMs) return false
    await pause(POLL_MS)
  }
  return true
}

const START_MS = 10_000
