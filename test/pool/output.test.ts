import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../support/wait.ts'
import type * as Jobs from './fixtures/jobs.ts'
import { cpuTicks, descendantsOf, residentBytes } from './proc.ts'
import { deathOf, fixture, openPool } from './real-pool.ts'

const BYTES = 20 * 1024 * 1024

test('What children print comes out whole, and does not grow the parent', async (t) => {
  const script = startPrinting(t, BYTES, 1)
  let bytes = 0
  script.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  let report = ''
  script.stderr.on('data', (chunk: Buffer) => {
    report += chunk.toString()
  })
  await once(script, 'close')
  assert.equal(bytes, 2 * BYTES)
  assert.ok((JSON.parse(report) as { mostWaiting: number }).mostWaiting < 1024 * 1024, report)
})

test('Children that print while nobody reads wait, and go on when somebody does', async (t) => {
  const script = startPrinting(t, BYTES, 60_000)
  script.stderr.resume()
  // Nobody reads: the parent must come to rest, with what fits into pipes and buffers.
  const memory = await until(restingMemory(script.pid as number), { withinMs: 10_000, what: 'the parent rests' })
  assert.ok(memory < 200 * 1024 * 1024, `${memory} bytes`)
  script.stdout.resume()
  const [code] = await once(script, 'close')
  assert.equal(code, 0)
})

test('Only the end of a long stderr is kept as evidence', async (t) => {
  const pool = openPool<typeof Jobs>(t, 'jobs')
  await pool.exports.print(300_000, 'stderr')
  const { stderrTail } = await deathOf(pool.exports.complainAndExit())
  assert.ok(stderrTail.length <= 4_096)
  assert.ok(stderrTail.endsWith('xx\nthe disk is on fire\n'))
})

function startPrinting(t: TestContext, bytes: number, lookEveryMs: number) {
  const args = [fileURLToPath(fixture('printing-parent')), String(bytes), String(lookEveryMs)]
  const script = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => script.kill('SIGKILL'))
  return script
}

/** The resident bytes of a process, once neither it nor those it has started have used any CPU for a while. */
function restingMemory(pid: number): () => number | null {
  let last = -1
  let sinceMs = performance.now()
  return () => {
    const children = descendantsOf(pid).filter(({ name }) => name !== 'sh')
    const now = cpuTicks(pid) + children.reduce((sum, child) => sum + cpuTicks(child.pid), 0)
    if (now !== last || children.length < 2) sinceMs = performance.now()
    last = now
    return performance.now() - sinceMs > 700 ? residentBytes(pid) : null
  }
}
