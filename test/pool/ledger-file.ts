/** A file in which jobs leave their marks. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** In a folder of its own, which goes with the test. */
export function ledgerFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-ledger-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'ledger')
}

/** The numbers that were written so far. */
export function linesOf(file: string): number[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : []
}
