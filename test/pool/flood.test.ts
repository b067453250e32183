import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fixture } from './real-pool.ts'

const MIB = 1024 * 1024
/** A pool and its modules have about 70 MiB; a flood that was kept would have as much again as it has bytes. */
const MOST_BYTES = 250 * MIB

for (const [what, fd, bytes] of [
  ['1 GiB on stdout', 1, 1024 * MIB],
  ['256 MiB on stderr', 2, 256 * MIB],
] as const) {
  test(`A child that prints ${what}, binary and without a line's end, grows neither itself nor its parent`, async (t) => {
    const args = [fileURLToPath(fixture('flooded-parent')), String(fd), String(bytes)]
    const script = spawn(process.execPath, args, {
      stdio: ['ignore', fd === 1 ? 'ignore' : 'pipe', fd === 2 ? 'ignore' : 'pipe'],
    })
    t.after(() => script.kill('SIGKILL'))
    const report = await text((fd === 1 ? script.stderr : script.stdout) as NodeJS.ReadableStream)
    const { written, childBytes, parentBytes, tail } = JSON.parse(report) as Record<string, number>
    assert.equal(written, bytes)
    assert.ok((parentBytes as number) < MOST_BYTES, `the parent had ${parentBytes} bytes`)
    assert.ok((childBytes as number) < MOST_BYTES, `the child has ${childBytes} bytes`)
    assert.equal(tail, fd === 1 ? 0 : 4_096)
  })
}
