/** What a forked child must be able to do, tried in one: its module and initializer, in the words of a pool. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

/** Its collector, its compiler, its thread pool, its loop, a thread of its own. */
export async function selfTest(): Promise<void> {
  let kept: object[] = []
  let sum = 0
  for (let i = 0; i < 300_000; i++) {
    kept.push({ i, text: `item ${i}` })
    if (kept.length > 100_000) kept = []
    sum = mix(sum, i)
  }
  assert.ok(kept.length + sum > 0)
  assert.ok((await readFile('/proc/self/stat', 'latin1')).startsWith(`${process.pid} `))
  await pause(1)
  const ended = once(new Worker('', { eval: true }), 'exit')
  assert.deepEqual(await ended, [0])
}

function mix(sum: number, i: number): number {
  return (sum * 31 + i) % 1_000_003
}
