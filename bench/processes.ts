/** What Linux says of processes. Elsewhere there are none: figures are missing and nothing is killed. */
import { readdirSync, readFileSync } from 'node:fs'

/** The variable that marks a program and all it starts. */
export const MARK = 'CAROM_BENCH_PROGRAM'

/** A program and what it has started: some pools give their children no environment, others a session of their own. */
export interface Family {
  /** The leader of its session. */
  readonly pid: number
  readonly mark: string
}

/** Those that are alive, the leader among them. */
export function pidsOf({ pid: leader, mark }: Family): number[] {
  return allPids().filter((pid) => {
    const [state, , , session] = stat(pid)
    // A zombie runs nothing and holds nothing.
    if (state === undefined || state === 'Z') return false
    return session === String(leader) || read(`/proc/${pid}/environ`).includes(`${MARK}=${mark}\0`)
  })
}

/** Again until nothing is left: a process may start another while the list is read. */
export function killFamily(family: Family): void {
  for (let round = 0; round < 10; round++) {
    const pids = pidsOf(family)
    if (pids.length === 0) return
    for (const pid of pids) kill(pid)
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ESRCH: gone already.
  }
}

export function childrenOf(parent: number): number[] {
  return allPids().filter((pid) => stat(pid)[1] === String(parent))
}

/** Its children, theirs, and so on. */
export function descendantsOf(ancestor: number): number[] {
  return childrenOf(ancestor).flatMap((pid) => [pid, ...descendantsOf(pid)])
}

/** User and system time so far. */
export function cpuMs(pid: number): number {
  const fields = stat(pid)
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS
}

/** Of a process and all its descendants. */
export function treeCpuMs(ancestor: number): number {
  return [ancestor, ...descendantsOf(ancestor)].reduce((sum, pid) => sum + cpuMs(pid), 0)
}

export interface Memory {
  /** Resident, what is shared counted in full. */
  readonly rssBytes: number
  /** Resident and of no other process. */
  readonly privateBytes: number
  /** Resident, what is shared divided among those that share it: only these can be added up. */
  readonly shareBytes: number
}

export function memoryOf(pid: number): Memory {
  const text = read(`/proc/${pid}/smaps_rollup`)
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024
  return {
    rssBytes: bytes('Rss'),
    privateBytes: bytes('Private_Clean') + bytes('Private_Dirty'),
    shareBytes: bytes('Pss'),
  }
}

export function openFiles(): number {
  return readdirSync('/proc/self/fd').length
}

function allPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

/** The fields behind the name: state, parent, group, ... Empty for a process that is gone. */
function stat(pid: number): string[] {
  const text = read(`/proc/${pid}/stat`)
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Processes come and go while /proc is read, and some are not ours. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

const TICK_MS = 10
