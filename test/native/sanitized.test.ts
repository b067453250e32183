/** The addon's own test once more, with an addon that looks for what C leaves undefined and for memory that is not its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
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
const skip = whyNoSanitizers() ?? false

for (const { name, env, fault, finding } of [
  {
    name: 'undefined',
    env: {},
    fault: 'int at = 31; volatile int shifted = 1 << (at + 1); (void)shifted;',
    finding: /runtime error: shift exponent 32/,
  },
  {
    name: 'address',
    // The addon is loaded too late to bring it along. What V8 never gives back is not the addon's leak.
    env: { LD_PRELOAD: libraryOf('libasan.so'), ASAN_OPTIONS: 'detect_leaks=0' },
    fault: 'volatile char *bytes = malloc(4); bytes[4] = 1; free((void *)bytes);',
    finding: /AddressSanitizer: heap-buffer-overflow/,
  },
]) {
  test(`The sanitizer "${name}" finds nothing in the addon`, { skip }, (t) => {
    const { status, stdout, stderr } = runTests(t, name, env, [])
    assert.equal(status, 0, stdout + stderr)
    assert.match(stdout, /^# skipped 0$/m)
    assert.doesNotMatch(stdout + stderr, /runtime error|Sanitizer/)
  })

  test(`The sanitizer "${name}" would have found a fault`, { skip }, (t) => {
    const { status, stdout, stderr } = runTests(t, name, env, [fault])
    assert.notEqual(status, 0)
    assert.match(stdout + stderr, finding)
  })
}

/** With `faults` in the addon's process as it is loaded. */
function runTests(t: TestContext, sanitizer: string, env: NodeJS.ProcessEnv, faults: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'carom-sanitized-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const build = fileURLToPath(new URL('../../', import.meta.url))
  for (const part of ['src', 'test']) cpSync(join(build, part), join(folder, part), { recursive: true })
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(projectRoot, name), join(folder, name))
  const sources = faults.map((fault) => {
    const file = join(folder, 'fault.c')
    writeFileSync(file, `#include <stdlib.h>\n__attribute__((constructor)) static void fault(void) { ${fault} }\n`)
    return file
  })
  const addon = join(folder, `src/prebuilds/linux-${process.arch}/carom.napi.glibc.node`)
  compileAddon(addon, { flags: [`-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all', '-g', '-O1'], sources })
  return spawnSync(process.execPath, ['--test-reporter=tap', join(folder, 'test/native/addon.test.js')], {
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    timeout: DEADLINE_MS,
  })
}

function whyNoSanitizers(): string | null {
  if (findAddon().addon === null) return 'there is no addon'
  const reason = whyNoAddon()
  if (reason !== null) return reason
  return libraryOf('libasan.so').startsWith('/') ? null : 'the C compiler has no sanitizers'
}

/** The compiler's own; just its name if it has none. */
function libraryOf(name: string): string {
  const { stdout } = spawnSync(process.env.CC ?? 'cc', [`-print-file-name=${name}`], { encoding: 'utf8' })
  return stdout?.trim() ?? ''
}

const DEADLINE_MS = 20_000
