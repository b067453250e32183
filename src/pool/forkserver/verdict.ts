/**
 * Whether forking works here is found out once: for this process, and, if it does, for the next ones of the same kind too,
 * in a file of the user's cache folder. A failure is not kept beyond the process: it may have been a bad moment.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir, release } from 'node:os'
import { dirname, join } from 'node:path'

const known = new Map<string, Promise<string | null>>()

/** Of this Node with these flags, this kernel and the addon in that file. `null` from `attempt` is success. */
export function verdictFor(
  flags: readonly string[],
  addonFile: string,
  attempt: () => Promise<string | null>,
): Promise<string | null> {
  const key = keyOf(flags, addonFile)
  const verdict = known.get(key) ?? decide(key, attempt)
  known.set(key, verdict)
  return verdict
}

async function decide(key: string, attempt: () => Promise<string | null>): Promise<string | null> {
  const file = join(cacheFolder(), `forks-${key}`)
  if (existsSync(file)) return null
  const reason = await attempt()
  if (reason === null) keep(file)
  return reason
}

function keep(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, '')
  } catch {
    // No home, or one that cannot be written to: the next process finds out by itself.
  }
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'carom')
}

function keyOf(flags: readonly string[], addonFile: string): string {
  const { version, arch } = process
  const kind = JSON.stringify([version, arch, release(), flags])
  return createHash('sha256').update(kind).update(readFileSync(addonFile)).digest('hex').slice(0, 32)
}
