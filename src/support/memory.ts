import { readFileSync } from 'node:fs'

/** Private memory of a process in bytes, from Linux's `smaps_rollup`; `null` where it cannot be read. */
export function childMemory(pid: number): number | null {
  let rollup: string
  try {
    rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  } catch {
    return null
  }
  let kib = 0
  for (const [, size] of rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)) kib += Number(size)
  return kib * 1024
}
