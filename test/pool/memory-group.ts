/** A cgroup of its own with little memory, for the kernel to kill in: version 1 or 2, where root may make one. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../support/wait.ts'

export interface MemoryGroup {
  /** A process that writes its pid into it belongs to the group, with all it starts from then on. */
  readonly membersFile: string
  /** Waits until the group is empty. */
  remove(): Promise<void>
}

/** A text says why there cannot be one. */
export function createMemoryGroup(limitBytes: number): MemoryGroup | string {
  if (process.platform !== 'linux') return 'cgroups are a matter of Linux'
  if (process.getuid?.() !== 0) return 'only root can make a cgroup'
  const refusals: string[] = []
  for (const { root, limit, noSwap } of HIERARCHIES) {
    const folder = join(root, `carom-test-${process.pid}`)
    try {
      mkdirSync(folder)
      writeFileSync(join(folder, limit), String(limitBytes))
      for (const [file, value] of noSwap(limitBytes)) {
        if (existsSync(join(folder, file))) writeFileSync(join(folder, file), value)
      }
      return { membersFile: join(folder, 'cgroup.procs'), remove: () => remove(folder) }
    } catch (error) {
      refusals.push((error as Error).message)
      if (existsSync(folder)) rmdirSync(folder)
    }
  }
  return `no memory cgroup can be made here (${refusals.join('; ')})`
}

const HIERARCHIES: readonly {
  readonly root: string
  readonly limit: string
  /** Else the group swaps instead of dying. */
  readonly noSwap: (limitBytes: number) => readonly (readonly [file: string, value: string])[]
}[] = [
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    noSwap: (bytes) => [['memory.memsw.limit_in_bytes', String(bytes)]],
  },
  { root: '/sys/fs/cgroup', limit: 'memory.max', noSwap: () => [['memory.swap.max', '0']] },
]

function remove(folder: string): Promise<void> {
  const tryIt = (): boolean => {
    try {
      rmdirSync(folder)
      return true
    } catch {
      // The kernel still knows a member.
      return false
    }
  }
  return until(tryIt, { what: 'the cgroup is empty' }).then(() => {})
}
