/** Python's Billiard, where it is installed: `fixtures/python-pool.py` measures it as the others are measured. */
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Figures } from '../measure.ts'
import type { PoolMeasure } from './measure.ts'

// Not compiled, so it is not in build/.
const PROGRAM = fileURLToPath(new URL('../../../bench/pool/fixtures/python-pool.py', import.meta.url))
const PYTHONS = ['python3', '/usr/bin/python3']
const VERSIONS =
  'import billiard, platform as p; print("Billiard", billiard.__version__, f"(Python {p.python_version()})")'
const ABSENT = 'not measured: no python3 here has billiard (on Debian: apt-get install python3-billiard)'

export async function measureBilliard({ name, forBilliard }: PoolMeasure, isQuick: boolean): Promise<Figures> {
  const { python } = find()
  if (python === null) throw new Error(ABSENT)
  const args = [PROGRAM, name, JSON.stringify(forBilliard?.(isQuick) ?? {})]
  const { stdout } = await promisify(execFile)(python, args, { timeout: 100_000 })
  const given = JSON.parse(stdout.trim().split('\n').at(-1) as string) as Figures | { readonly error: string }
  if (typeof given.error === 'string') throw new Error(given.error)
  return given as Figures
}

/** Its name with the versions of both, where there is one. */
export function billiardName(): string | null {
  return find().name
}

interface Found {
  readonly python: string | null
  readonly name: string | null
}

let found: Found | null = null

/** The first python3 is not always the one that the system's packages are for. */
function find(): Found {
  if (found !== null) return found
  for (const python of PYTHONS) {
    const { status, stdout } = spawnSync(python, ['-c', VERSIONS], {
      encoding: 'utf8',
    })
    if (status === 0) {
      found = { python, name: stdout.trim() }
      return found
    }
  }
  found = { python: null, name: null }
  return found
}
