/** What a worker bounds for all its tasks, and how its children are started. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { findAddon } from '../../src/native/addon.ts'
import { startWorker, type WorkerOptions } from '../../src/worker/index.ts'
import { processFacts } from '../pool/proc.ts'
import { APP, ledger, START } from './lab.ts'

const tasks = await import('./fixtures/tasks.ts')
const GET = { timeoutMs: 15_000 }
const skip = findAddon().addon === null ? 'there is no addon' : false

async function open(t: TestContext, options: Partial<WorkerOptions>): Promise<void> {
  const worker = await startWorker({ app: APP, ...START, concurrency: 1, ...options })
  t.after(async () => {
    await worker.stop('now')
  })
}

test('A task over timeLimitMs is killed and fails, and the next one runs', async (t) => {
  await open(t, { timeLimitMs: 300 })
  const spinning = await tasks.spins.delay()
  await assert.rejects(spinning.get(GET), { name: 'TimeLimitExceeded' })
  assert.equal(await (await tasks.add.delay(1, 2)).get(GET), 3)
  assert.equal(ledger(spinning.id).length, 1, 'it ran once')
})

test('A task over softTimeLimitMs sees its signal aborted', async (t) => {
  await open(t, { softTimeLimitMs: 200 })
  const waiting = await tasks.abortable.delay(60_000)
  await assert.rejects(waiting.get(GET), { name: 'AbortError' })
})

test('A child is replaced after maxTasksPerChild tasks', async (t) => {
  await open(t, { maxTasksPerChild: 2 })
  const pids: number[] = []
  for (let nth = 0; nth < 5; nth++) pids.push((await (await tasks.context.delay()).get(GET)).pid)
  assert.ok(new Set(pids).size >= 2, String(pids))
})

test('With fork the app is loaded before the children, and they run tasks as ever', { skip }, async (t) => {
  await open(t, { startMethod: 'fork', concurrency: 2 })
  const { pid } = await (await tasks.context.delay()).get(GET)
  const server = processFacts(processFacts(pid)?.parent as number)
  assert.equal(server?.parent, process.pid, 'its parent is a server between it and the worker')
  assert.deepEqual(await (await tasks.environment.delay()).get(GET), { broker: null, backend: null })
  const sent = await tasks.sends.delay(4)
  assert.equal(typeof (await sent.get(GET)), 'string')
  const dying = await tasks.diesTimes.delay(1)
  assert.equal(await dying.get(GET), 2)
  assert.equal(await (await tasks.inits.delay()).get(GET), 1, 'what is for each child is done in each')
})

for (const [startMethod, isThere] of [
  ['fork', true],
  ['spawn', false],
] as const) {
  test(`preload with ${startMethod}: ${isThere ? 'children find it loaded' : 'it is not used'}`, {
    skip,
  }, async (t) => {
    await open(t, { startMethod, preload: [new URL('./fixtures/preloaded.js', import.meta.url)] })
    const { by, parent } = await (await tasks.preloadedBy.delay()).get(GET)
    assert.equal(by, isThere ? parent : null)
  })
}

test('What makes no sense to the pool is refused as it is', async () => {
  await assert.rejects(startWorker({ app: APP, timeLimitMs: 0 }), RangeError)
  await assert.rejects(startWorker({ app: APP, startMethod: 'thread' as never }), RangeError)
})
