/** A worker killed with SIGKILL: at every step between claim and ack, and with children that never return. */
import assert from 'node:assert/strict'
import test, { after } from 'node:test'
import { until } from '../support/wait.ts'
import { childrenOf, isAlive, ledger, startWorkerProcess } from './lab.ts'

const { add, app, lastsOnce, noted, spins } = await import('./fixtures/tasks.ts')
after(() => app.close())

const GET = { timeoutMs: 10_000 }

for (const [point, starts] of [
  ['after claim', 1],
  ['after dispatch', [1, 2]],
  ['after acceptance', [1, 2]],
  ['before storing', 2],
  ['while storing', [1, 2]],
  ['after storing', 1],
] as const) {
  test(`a worker killed ${point} loses nothing, and its successor settles the task once`, async (t) => {
    const doomed = await startWorkerProcess(t, {}, point)
    const result = await noted.delay(point === 'after acceptance' ? 300 : 0)
    assert.equal(await doomed.exited, 'SIGKILL')
    await startWorkerProcess(t, { leaseMs: 60_000 })
    assert.equal(typeof (await result.get(GET)), 'number')
    await drained()
    const runs = ledger(result.id).filter(({ event }) => event === 'START').length
    assert.ok([starts].flat().includes(runs as never), `it was started ${runs} times`)
  })
}

test('nothing is left of a killed worker: a child in an endless loop, an idle one, and what they started', async (t) => {
  const worker = await startWorkerProcess(t, { concurrency: 2 })
  const result = await spins.delay()
  const [run] = await until(() => (ledger(result.id).length === 1 ? ledger(result.id) : null), { what: 'it spins' })
  const spinner = (run as { pid: number }).pid
  const family = await until(() => familyOf(worker.pid, spinner), { what: 'the task has started its process' })
  worker.process.kill('SIGKILL')
  await until(() => family.every((pid) => !isAlive(pid)), { withinMs: 3_000, what: 'the whole family is gone' })
  // It would come back to every worker of this file, three times.
  const { openBroker } = await import('../../src/brokers/open.ts')
  const broker = await openBroker(process.env.CAROM_BROKER_URL, { appName: 'lab' })
  const taker = await broker.consumer({ queues: ['lab'], leaseMs: 60_000, node: 'taker' })
  const [delivery] = await taker.claim(1, { signal: AbortSignal.timeout(5_000) })
  await taker.settle([{ token: delivery?.token as string, result: null, next: [], end: { type: 'ack' } }])
  await taker.close()
  await broker.close()
})

test('a worker whose lease is lost ends the attempt, and the outcome is that of the worker that has it', async (t) => {
  const stopped = await startWorkerProcess(t, { leaseMs: 300 })
  const result = await lastsOnce.delay()
  const [first] = await until(() => (ledger(result.id)[0] ? ledger(result.id) : null), { what: 'the task has started' })
  // Stopped, it renews nothing; it is alive, so that only the end of its lease gives the task away.
  stopped.process.kill('SIGSTOP')
  await startWorkerProcess(t)
  await until(() => ledger(result.id).length >= 2, { what: 'another worker has taken the task' })
  stopped.process.kill('SIGCONT')
  assert.equal(await result.get(GET), 2)
  await until(() => !isAlive((first as { pid: number }).pid), { what: 'the first attempt is ended' })
})

test('a long task is renewed: it starts once, however short the lease', async (t) => {
  for (let worker = 0; worker < 2; worker++) await startWorkerProcess(t, { leaseMs: 300 })
  const result = await noted.delay(1_500)
  assert.equal(await result.get(GET), 1_500)
  assert.equal(ledger(result.id).filter(({ event }) => event === 'START').length, 1)
})

test('two workers on one store run each task once', async (t) => {
  await startWorkerProcess(t, { concurrency: 2 })
  await startWorkerProcess(t, { concurrency: 2 })
  const results = await noted.applyMany(Array.from({ length: 300 }, () => [1] as [number]))
  for (const result of results) assert.equal(await result.get(GET), 1)
  for (const { id } of results) assert.equal(ledger(id).length, 2, 'one START and one END')
})

async function drained(): Promise<void> {
  await (await add.delay(1, 1)).get(GET)
}

/** The worker's children and the process that the spinning task has started, once it is there. */
function familyOf(workerPid: number, spinner: number): number[] | null {
  const grandchildren = childrenOf(spinner)
  return grandchildren.length === 0 ? null : [...childrenOf(workerPid), ...grandchildren]
}
