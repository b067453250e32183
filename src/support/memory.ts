import { readFileSync } from 'node:fs'

/** Private memory of a process in bytes, from Linux's `smaps_rollup`; `null` where it cannot be read. Exact and slow. */
export function privateMemory(pid: number): number | null {
  const rollup = read(`/proc/${pid}/smaps_rollup`)
  if (rollup === null) return null
  let kib = 0
  for (const [, size] of rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)) kib += Number(size)
  return kib * 1024
}

/**
 * Nearly the same from `statm`, for a hundredth of the price: what is resident and backed by no file. Pages that a fork
 * shares count as if they were the process's own.
 */
export function anonymousMemory(pid: number): number | null {
  const [, resident, shared] = read(`/proc/${pid}/statm`)?.split(' ').map(Number) ?? []
  // A zombie has a statm of zeros.
  if (resident === undefined || shared === undefined || resident === 0) return null
  return (resident - shared) * PAGE_BYTES
}

/** Processes that the kernel has killed in this process's cgroup for want of memory; `null` where it does not tell. */
export function oomKills(): number | null {
  const groups = read('/proc/self/cgroup') ?? ''
  const [, path] = groups.match(/^(?:0:|\d+:memory):(\/.*)$/m) ?? []
  for (const file of [
    `/sys/fs/cgroup${path}/memory.events`,
    `/sys/fs/cgroup/memory${path}/memory.oom_control`,
    // Seen from inside a container the group is the root of what is mounted, whatever its path is called.
    '/sys/fs/cgroup/memory.events',
    '/sys/fs/cgroup/memory/memory.oom_control',
  ]) {
    const [, count] = read(file)?.match(/^oom_kill (\d+)$/m) ?? []
    if (count !== undefined) return Number(count)
  }
  return null
}

// The page size of x64 and of most arm64 systems; Node does not tell, and a bound is checked exactly before it counts.
const PAGE_BYTES = 4_096

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
