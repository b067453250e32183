/** The limits and the request's facts that a message brings. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { callLimits } from '../../src/worker/call-limits.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { START } from './lab.ts'
import { carrying, openWorkflowStore, WORKFLOW_APP, type WorkflowStore } from './workflow-lab.ts'

test('the header is [hard, soft] in seconds, each for itself before the limits of the worker', () => {
  assert.deepEqual(callLimits([10, 5], {}), { timeLimitMs: 10_000, softTimeLimitMs: 5_000 })
  assert.deepEqual(callLimits([null, 0.25], { timeLimitMs: 1_000 }), { softTimeLimitMs: 250 })
  assert.deepEqual(callLimits([20, null], { timeLimitMs: 1_000 }), { timeLimitMs: 20_000 })
  assert.deepEqual(callLimits([0.0001, null], {}), { timeLimitMs: 1 })
  assert.deepEqual(callLimits([1e12, null], {}), { timeLimitMs: 2 ** 31 - 1 })
})

test('a soft limit that could not strike is left out, and what is no limit says nothing', () => {
  assert.deepEqual(callLimits([5, 5], {}), { timeLimitMs: 5_000 })
  assert.deepEqual(callLimits([null, 2], { timeLimitMs: 1_000 }), {})
  const nothing = [undefined, null, 5, 'x', [], [0, 0], [null, null], [-1, Number.NaN], ['5', {}], { 0: 5 }]
  for (const header of nothing) assert.deepEqual(callLimits(header, {}), {})
})

let worker: Worker
let store: WorkflowStore
before(async () => {
  store = await openWorkflowStore()
  worker = await startWorker({
    app: WORKFLOW_APP,
    ...START,
    concurrency: 2,
    timeLimitMs: 1_500,
    softTimeLimitMs: 1_200,
  })
})
after(async () => {
  await worker.stop('now')
  await store.close()
})

async function run(task: string, args: readonly unknown[], headers: Record<string, unknown>) {
  const message = carrying(task, args, {}, headers)
  await store.broker.publish([message])
  return store.outcome(message.id)
}

test('the soft limit of a message aborts the task, before the one of the worker would', async () => {
  const startedMs = performance.now()
  assert.equal((await run('demo.softly', [], { timelimit: [null, 0.1] })).value, 'SoftTimeLimitExceeded')
  assert.ok(performance.now() - startedMs < 1_100)
})

test('a message may give its task more time than the worker does', async () => {
  assert.equal((await run('demo.slow', [1_800], { timelimit: [10, null] })).value, 1_800)
})

test('a message with a soft limit over its hard one is run under the hard one', async () => {
  const { status, value } = await run('demo.hangs', [], { timelimit: [0.2, 5] })
  assert.deepEqual([status, (value as { exc_type: string }).exc_type], ['FAILURE', 'TimeLimitExceeded'])
})

test('a message with limits that are none fails, and its failure says so', async () => {
  const { status, value } = await run('demo.add', [1, 2], { timelimit: 'soon' })
  assert.equal(status, 'FAILURE')
  assert.match((value as { exc_message: string[] }).exc_message[0] as string, /headers\.timelimit is/)
})

test('the task sees retries, redelivery and headers of the caller', async () => {
  const { value } = await run('demo.req', [], { retries: 2, redelivered: true, custom: 'x' })
  assert.deepEqual(value, { retries: 2, redelivered: true, custom: 'x', attempt: 1 })
  const plain = await run('demo.req', [], { retries: null, custom: 'y' })
  assert.deepEqual(plain.value, { retries: 0, redelivered: false, custom: 'y', attempt: 1 })
})
