/** The ladder on which a worker ends, rung by rung, and what it leaves behind on each. */
import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { startWorker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { APP, childrenOf, claimed, isAlive, ledger, START, startWorkerProcess } from './lab.ts'
import { startNode } from './node-lab.ts'

const { app, abortable, add, blocks, noted, untilAborted } = await import('./fixtures/tasks.ts')
after(() => app.close())

const GET = { timeoutMs: 10_000 }
const started = (taskId: string) => until(() => ledger(taskId).length > 0, { what: 'the task has started' })

test('the first SIGTERM lets the running task finish, hands back the rest, and exits with 0', async (t) => {
  const worker = await startWorkerProcess(t, { signals: true })
  const [running, waiting] = await noted.applyMany([[600], [0]])
  await started(running?.id as string)
  await worker.climb('SIGTERM', 'warm')
  assert.equal(await worker.exited, 0)
  assert.equal(await running?.get(GET), 600)
  assert.equal(await waiting?.state(), 'PENDING')
  await startWorkerProcess(t)
  assert.equal(await waiting?.get(GET), 0)
  assert.deepEqual(
    ledger(waiting?.id as string).map(({ attempt }) => attempt),
    [1, 1],
    'a return is no attempt',
  )
})

test('the second SIGTERM aborts the signal of the running task, which may still give its result', async (t) => {
  const worker = await startWorkerProcess(t, { signals: true })
  const result = await untilAborted.delay()
  await started(result.id)
  await worker.climb('SIGTERM', 'warm')
  await worker.climb('SIGINT', 'cold')
  assert.equal(await worker.exited, 0)
  assert.match(await result.get(GET), /asked to stop/)
})

test('after the grace of a cold stop a task that does not end is killed and handed back uncounted', async (t) => {
  const worker = await startWorkerProcess(t, { signals: true, coldGraceMs: 200 })
  const result = await noted.delay(1_500)
  await started(result.id)
  const children = childrenOf(worker.pid)
  await worker.climb('SIGTERM', 'warm')
  await worker.climb('SIGTERM', 'cold')
  assert.equal(await worker.exited, 0)
  assert.ok(children.every((pid) => !isAlive(pid)))
  await startWorkerProcess(t)
  assert.equal(await result.get(GET), 1_500)
})

test('the third SIGTERM ends everything at once, and the task comes back', async (t) => {
  const worker = await startWorkerProcess(t, { signals: true })
  const result = await noted.delay(3_000)
  await started(result.id)
  const sentAtMs = performance.now()
  for (const stage of ['warm', 'cold', 'now']) await worker.climb('SIGTERM', stage)
  await worker.exited
  assert.ok(performance.now() - sentAtMs < 1_000, 'it did not wait for the task')
  await startWorkerProcess(t)
  assert.equal(await result.get(GET), 3_000)
})

test('startWorker() installs no signal handler unless asked', async () => {
  const before = process.listenerCount('SIGTERM')
  const worker = await startWorker({ app: APP, ...START, concurrency: 1 })
  assert.equal(process.listenerCount('SIGTERM'), before)
  await worker.stop()
})

test('stop() is the same promise of an end at every call, and the worker takes nothing more', async () => {
  const worker = await startWorker({ app: APP, ...START, concurrency: 1 })
  await (await add.delay(1, 1)).get(GET)
  await Promise.all([worker.stop(), worker.stop('warm'), worker.ended])
  const result = await add.delay(2, 2)
  assert.equal(await result.state(), 'PENDING')
  const next = await startWorker({ app: APP, ...START, concurrency: 1 })
  assert.equal(await result.get(GET), 4)
  await assert.rejects(next.stop('later' as never), TypeError)
  await next.stop()
})

test('a warm stop lets a task finish that its child has been given and not begun', async (t) => {
  const worker = await startWorkerProcess(t, { signals: true, concurrencyPerChild: 2 })
  const blocking = await blocks.delay(1_000)
  await started(blocking.id)
  const given = await abortable.delay(10)
  await until(async () => (await claimed()) === 2, { what: 'both are claimed' })
  assert.deepEqual(ledger(given.id), [], 'its child is busy')
  await worker.climb('SIGTERM', 'warm')
  assert.equal(await worker.exited, 0)
  assert.equal(await given.get(GET), 10)
})

test('a cold stop hands back a task that its child begins only after its signal was aborted', async (t) => {
  const worker = await startWorkerProcess(t, { signals: true, concurrencyPerChild: 2 })
  const blocking = await blocks.delay(1_000)
  await started(blocking.id)
  const given = await abortable.delay(10)
  await until(async () => (await claimed()) === 2, { what: 'both are claimed' })
  await worker.climb('SIGTERM', 'warm')
  await worker.climb('SIGTERM', 'cold')
  assert.equal(await worker.exited, 0)
  assert.equal(await blocking.get(GET), 1_000)
  assert.equal(await given.state(), 'PENDING')
  await startWorkerProcess(t)
  assert.equal(await given.get(GET), 10)
})

test('a stop at once does not wait for a claim that does not return', async (t) => {
  const asked: number[] = []
  const { node, ended } = await startNode(t, {}, () => ({
    claim: (max) => {
      asked.push(max)
      return new Promise(() => {})
    },
  }))
  await until(() => asked.length > 0, { what: 'the claim is under way' })
  node.stop('now')
  await ended
})
