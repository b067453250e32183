// npm packages, from the lock file only. Install scripts stay off: nothing that Carom needs depends on one.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './steps.mjs'

/** Installs what the lock file names, unless exactly that is there already. */
export function ensureInstalled() {
  const reason = staleReason(root)
  if (reason === null) return
  console.log(`Installing npm packages from package-lock.json: ${reason}`)
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])
}

/**
 * Says why `node_modules` is not what the lock file names, or gives `null`.
 *
 * npm keeps a copy of the lock of what it installed; times of files say nothing after a checkout or a copy.
 */
export function staleReason(folder) {
  const installed = packagesIn(join(folder, 'node_modules/.package-lock.json'))
  if (installed === null) return 'node_modules is missing'
  const locked = packagesIn(join(folder, 'package-lock.json')) ?? {}
  for (const [path, entry] of Object.entries(locked)) {
    if (path === '') continue
    const present = installed[path]
    // Absent for good: a binary of another platform.
    if (present === undefined && entry.optional) continue
    if (present === undefined) return `${nameOf(path)} is not installed`
    if (present.version !== entry.version) return `${nameOf(path)} is ${present.version}, locked is ${entry.version}`
    if (!existsSync(join(folder, path))) return `${path} is gone`
  }
  const extra = Object.keys(installed).find((path) => locked[path] === undefined)
  return extra === undefined ? null : `${nameOf(extra)} is installed but not locked`
}

function packagesIn(lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : null
}

function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}
