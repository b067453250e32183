/** The addon's own test once more, with an addon that looks for what C leaves undefined and for memory that is not its own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { copyWithAddon, whyNoOtherAddon } from './other-addon.ts'

const skip = whyNoOtherAddon ?? (libraryOf('libasan.so').startsWith('/') ? false : 'the C compiler has no sanitizers')

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
    const { status, stdout, stderr } = runTests(t, name, env)
    assert.equal(status, 0, stdout + stderr)
    assert.match(stdout, /^# skipped 0$/m)
    assert.doesNotMatch(stdout + stderr, /runtime error|Sanitizer/)
  })

  test(`The sanitizer "${name}" would have found a fault`, { skip }, (t) => {
    const { status, stdout, stderr } = runTests(t, name, env, fault)
    assert.notEqual(status, 0)
    assert.match(stdout + stderr, finding)
  })
}

function runTests(t: TestContext, sanitizer: string, env: NodeJS.ProcessEnv, fault?: string) {
  const flags = [`-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all', '-g', '-O1']
  const file = join(copyWithAddon(t, flags, fault), 'test/native/addon.test.js')
  return spawnSync(process.execPath, ['--test-reporter=tap', file], {
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
    timeout: DEADLINE_MS,
  })
}

/** The compiler's own; just its name if it has none. */
function libraryOf(name: string): string {
  const { stdout } = spawnSync(process.env.CC ?? 'cc', [`-print-file-name=${name}`], { encoding: 'utf8' })
  return stdout?.trim() ?? ''
}

const DEADLINE_MS = 20_000
