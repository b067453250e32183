/** Small projects in temporary folders, and the house rules to try on them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export interface Violation {
  readonly file: string
  readonly line: number
  readonly problem: string
  readonly fix: string
  readonly warning?: boolean
}

export type Tree = Readonly<Record<string, string>>

/** Seen from the compiled file in build/test/house. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url))

/** Writes the files below a new folder, which the end of the test removes. */
export function writeTree(t: TestContext, files: Tree): string {
  const root = mkdtempSync(join(tmpdir(), 'carom-house-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** A module of scripts/; its types are the caller's claim. */
export async function loadScript<T>(name: string): Promise<T> {
  return (await import(join(projectRoot, 'scripts', name))) as T
}

/** Runs the rule `check-<name>.mjs` on a tree and gives each violation as "file:line problem". */
export async function violationsOf(t: TestContext, name: string, files: Tree): Promise<string[]> {
  const { check } = await loadScript<{ check(root: string): Violation[] }>(`check-${name}.mjs`)
  return check(writeTree(t, files)).map(({ file, line, problem, warning }) => {
    return `${file}:${line} ${warning ? '(warning) ' : ''}${problem}`
  })
}
