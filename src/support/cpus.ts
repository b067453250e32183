import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * The CPUs that this process may use at once: those of its affinity, or fewer where a quota of its cgroup leaves it
 * fewer, rounded down. A container with two of 64 CPUs has no use for 64 children. (Node's own count leaves the quotas of
 * version 1 out: seen with 20 and 24.)
 */
export function usableCpus(): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), cpuQuota(read))))
}

/**
 * The smallest quota of this process's cgroup and of those around it, in CPUs; `Infinity` for none.
 *
 * @param file gives a file's text, or `null` where there is none.
 */
export function cpuQuota(file: (path: string) => string | null): number {
  const groups = file('/proc/self/cgroup') ?? ''
  const [, path2 = null] = /^0::(\/.*)$/m.exec(groups) ?? []
  const [, path1 = null] = /^\d+:(?:[^:\n]*,)?cpu(?:,[^:\n]*)?:(\/.*)$/m.exec(groups) ?? []
  const quotas = [
    ...around(path2).map((group) => version2(file(`/sys/fs/cgroup${group}/cpu.max`))),
    ...around(path1).map((group) => {
      const folder = `/sys/fs/cgroup/cpu${group}`
      return version1(file(`${folder}/cpu.cfs_quota_us`), file(`${folder}/cpu.cfs_period_us`))
    }),
  ]
  return Math.min(...quotas, Number.POSITIVE_INFINITY)
}

/**
 * `/a/b` as `/a/b`, `/a` and the root. Seen from inside a container the group may be the root of what is mounted,
 * whatever its path is called.
 */
function around(path: string | null): string[] {
  if (path === null) return []
  const names = path.split('/').filter((name) => name !== '')
  return [...names.keys(), names.length].map((count) => ['', ...names.slice(0, count)].join('/'))
}

/** `max 100000`, or microseconds of each period: `150000 100000`. */
function version2(text: string | null): number {
  const [, quota, period] = /^(\d+) (\d+)/.exec(text ?? '') ?? []
  return ratio(Number(quota), Number(period))
}

/** -1 for none. */
function version1(quota: string | null, period: string | null): number {
  return ratio(Number(quota ?? Number.NaN), Number(period ?? Number.NaN))
}

function ratio(quota: number, period: number): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
