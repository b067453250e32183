/** Whether what was sent is what was settled: the ledger, the store and `sha256sum` must agree. */
import { execFileSync } from 'node:child_process'
import type { Ledger } from './ledger.ts'
import type { Kill } from './strikes.ts'
import type { FileFacts } from './tasks.ts'

export interface Rerun {
  readonly taskId: string
  readonly runs: number
  readonly cause: string
}

export interface Proof {
  readonly problems: readonly string[]
  readonly reruns: readonly Rerun[]
  readonly sampled: number
}

/** `settled` and `failed` hold what the store gave for each file's task. */
export function prove(
  sent: ReadonlyMap<string, string>,
  settled: ReadonlyMap<string, FileFacts>,
  failed: ReadonlyMap<string, Error>,
  ledger: Ledger,
  kills: readonly Kill[],
): Proof {
  const problems: string[] = []
  for (const [taskId, path] of sent) {
    if (failed.has(taskId)) continue
    if (!settled.has(taskId)) problems.push(`${path} has no result`)
    if (!ledger.runs.get(taskId)?.some((run) => run.ended))
      problems.push(`${path} has a result, but no run of it ended`)
  }
  for (const taskId of ledger.runs.keys()) if (!sent.has(taskId)) problems.push(`Task ${taskId} ran and was never sent`)
  const reruns = findReruns(ledger, kills)
  for (const { taskId, cause } of reruns)
    if (cause === UNEXPLAINED) problems.push(`Task ${taskId} ran again without a cause`)
  const inFlight = kills.reduce((sum, kill) => sum + kill.inFlight.length, 0)
  const extra = reruns.reduce((sum, rerun) => sum + rerun.runs - 1, 0)
  if (extra > inFlight) problems.push(`${extra} re-runs, but only ${inFlight} runs were in flight at the kills`)
  const readable = new Map([...sent].filter(([taskId]) => !failed.has(taskId)))
  const sampled = checkDigests(readable, settled, problems)
  return { problems, reruns, sampled }
}

function findReruns(ledger: Ledger, kills: readonly Kill[]): Rerun[] {
  const reruns: Rerun[] = []
  for (const [taskId, runs] of ledger.runs) {
    if (runs.length < 2) continue
    const causes = kills.filter(({ inFlight }) => inFlight.some((run) => run.taskId === taskId))
    const killed = causes.map(({ what, pid }) => `${what} (pid ${pid})`).join(', then ')
    // Each run but the last was cut short by a kill of its own.
    const cause = causes.length < runs.length - 1 ? UNEXPLAINED : `${killed} was killed while it ran`
    reruns.push({ taskId, runs: runs.length, cause })
  }
  return reruns
}

function checkDigests(
  sent: ReadonlyMap<string, string>,
  settled: ReadonlyMap<string, FileFacts>,
  problems: string[],
): number {
  const step = Math.max(1, Math.floor(sent.size / SAMPLE))
  const sample = [...sent].filter((_, index) => index % step === 0).slice(0, SAMPLE)
  for (const [taskId, path] of sample) {
    // A name with a newline or a backslash is escaped by sha256sum, with a backslash in front of the digest.
    const expected = execFileSync('sha256sum', ['--', path], { encoding: 'utf8' }).replace(/^\\/, '').slice(0, 64)
    const found = settled.get(taskId)?.sha256
    if (found !== expected) problems.push(`${path}: sha256sum says ${expected}, the task ${found ?? 'nothing'}`)
  }
  return sample.length
}

const UNEXPLAINED = 'unexplained'
const SAMPLE = 25
