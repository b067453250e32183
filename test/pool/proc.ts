/** What the kernel says of processes. A zombie is dead: it runs nothing and holds nothing. */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessFacts {
  readonly pid: number
  readonly name: string
  readonly state: string
  readonly parent: number
  readonly group: number
}

export function processFacts(pid: number): ProcessFacts | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
  // The name is in brackets and may hold spaces and brackets itself.
  const end = stat.lastIndexOf(')')
  const [state, parent, group] = stat.slice(end + 2).split(' ') as [string, string, string]
  return { pid, name: stat.slice(stat.indexOf('(') + 1, end), state, parent: Number(parent), group: Number(group) }
}

export function isAlive(pid: number): boolean {
  const facts = processFacts(pid)
  return facts !== null && facts.state !== 'Z' && facts.state !== 'X'
}

export function childrenOf(parent: number): readonly ProcessFacts[] {
  return allProcesses().filter((facts) => facts.parent === parent)
}

/** Its children, and theirs: a forked one is its server's. */
export function descendantsOf(pid: number): ReturnType<typeof childrenOf> {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child.pid)])
}

export function allProcesses(): readonly ProcessFacts[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => processFacts(Number(pid))).filter((facts) => facts !== null)
}

export function openFileCount(): number {
  return readdirSync('/proc/self/fd').length
}

/** Clock ticks of user and system time so far; 0 for a process that is gone. */
export function cpuTicks(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return 0
  }
}

export function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
}
