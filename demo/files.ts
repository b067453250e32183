/** The files of a folder and everything below it, links not followed. */
import { lstatSync, opendirSync } from 'node:fs'
import { join } from 'node:path'

export interface FileList {
  readonly paths: readonly string[]
  readonly bytes: number
  /** There are more than `limit`; the rest is left out. */
  readonly cut: boolean
}

export function listFiles(folder: string, limit: number): FileList {
  const paths: string[] = []
  const folders = [folder]
  let bytes = 0
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const entries = opendirSync(next)
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        const path = join(next, entry.name)
        if (entry.isDirectory()) folders.push(path)
        if (!entry.isFile()) continue
        if (paths.length === limit) return { paths, bytes, cut: true }
        paths.push(path)
        bytes += lstatSync(path).size
      }
    } finally {
      entries.closeSync()
    }
  }
  return { paths, bytes, cut: false }
}
