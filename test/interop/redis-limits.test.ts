/** Time limits in the headers of messages from Python, heeded by Carom's workers, and read by Python's clients. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { mixedCluster, on, runWorkflow, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const mixed = mixedCluster({ carom: { timeLimitMs: 60_000 } })
const run = runWorkflow(mixed)

test('a hard limit in the message ends a task that never waits', options, async () => {
  const startedMs = performance.now()
  const { state, error } = await mixed.python.call('ts.spins', { options: { time_limit: 0.6 } })
  const tookMs = performance.now() - startedMs
  assert.equal(state, 'FAILURE')
  assert.deepEqual([error?.type, error?.module], ['TimeLimitExceeded', 'billiard.exceptions'])
  assert.ok(tookMs >= 600 && tookMs < 8_000, `it took ${tookMs} ms`)
})

test('a soft limit in the message aborts the signal of the task', options, async () => {
  const { state, error } = await mixed.python.call('ts.aborts', { options: { soft_time_limit: 0.4, time_limit: 20 } })
  assert.equal(state, 'FAILURE')
  assert.deepEqual([error?.type, error?.module], ['SoftTimeLimitExceeded', 'billiard.exceptions'])
})

test('a limit that is not reached changes nothing, and the next task has none', options, async () => {
  assert.equal((await mixed.python.call('ts.noted', { args: [0.2], options: { time_limit: 20 } })).value, 'ts')
  assert.equal((await mixed.python.call('ts.noted', { args: [1] })).value, 'ts')
})

test('the limits of a step of a chain hold when Carom has published it', options, async () => {
  const called = await run([
    'chain',
    on('ts', 'add', [1, 1]),
    on('ts', 'spins', [], { immutable: true, time_limit: 0.5 }),
  ])
  assert.equal(called.error?.type, 'TimeLimitExceeded')
  const seen = await run([
    'chain',
    on('ts', 'add', [1, 1]),
    on('py', 'describe', [], { immutable: true, time_limit: 9, soft_time_limit: 8 }),
  ])
  assert.deepEqual((seen.value as { timelimit: unknown }).timelimit, [9, 8])
})
