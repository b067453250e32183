/** Copies of what is compiled, with an addon that was compiled otherwise. */
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findAddon } from '../../src/native/addon.ts'
import { loadScript, projectRoot } from '../house/fixture-tree.ts'

interface Compilation {
  readonly flags: readonly string[]
  readonly sources: readonly string[]
}

const { compileAddon, whyNoAddon } = await loadScript<{
  compileAddon(file: string, compilation: Compilation): void
  whyNoAddon(): string | null
}>('native.mjs')

/** Why no addon can be compiled or loaded here; `null` if it can. */
export const whyNoOtherAddon = findAddon().addon === null ? 'there is no addon' : whyNoAddon()

/** The copy's folder; in the addon's process `fault`, a piece of C, is run as it is loaded. */
export function copyWithAddon(t: TestContext, flags: readonly string[], fault?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'carom-addon-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const build = fileURLToPath(new URL('../../', import.meta.url))
  for (const part of ['src', 'test']) cpSync(join(build, part), join(folder, part), { recursive: true })
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(projectRoot, name), join(folder, name))
  const source = join(folder, 'fault.c')
  const text = `#include <stdlib.h>\n__attribute__((constructor)) static void fault(void) { ${fault} }\n`
  if (fault !== undefined) writeFileSync(source, text)
  const file = join(folder, `src/prebuilds/linux-${process.arch}/carom.napi.glibc.node`)
  compileAddon(file, { flags, sources: fault === undefined ? [] : [source] })
  return folder
}
