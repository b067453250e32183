/** What becomes of a fork on a machine that is too busy for it, with an addon that takes none of its time. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { copyWithAddon, whyNoOtherAddon } from './other-addon.ts'

test('A fork that does not get V8 to rest fails, and its signal that comes late ends nobody', {
  skip: whyNoOtherAddon ?? false,
}, (t) => {
  const forker = join(copyWithAddon(t, ['-DPATIENCE_MS=0']), 'test/native/fixtures/forker.js')
  const args = ['--v8-pool-size=1', forker, 'impatient']
  const { stdout, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(signal, null)
  const { failed, codes } = JSON.parse(stdout) as { failed: number; codes: string[] }
  assert.ok(failed > 0, 'it was never in a hurry')
  assert.deepEqual(codes, ['EAGAIN'])
})
