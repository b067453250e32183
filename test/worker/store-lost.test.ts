/** A store that is deleted under a worker does not come back: the worker must end, whatever it is doing. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { isCaromError } from '../../src/errors.ts'
import { buildTaskMessage } from '../../src/message/task-message.ts'
import { startWorker, type Worker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { APP, ledger, START } from './lab.ts'

/** A worker on a store of its own, whose only child runs a task for `ms`. */
async function busyWorker(t: TestContext, taskId: string, ms: number): Promise<{ worker: Worker; store: string }> {
  const store = mkdtempSync(join(dirname(process.env.LAB_LEDGER as string), 'store-'))
  process.env.CAROM_BROKER_URL = `embedded:${join(store, 'lost.sqlite')}`
  const worker = await startWorker({ app: APP, ...START, concurrency: 1, leaseMs: 300 })
  t.after(() => worker.stop('now').catch(() => {}))
  const broker = await openBroker(process.env.CAROM_BROKER_URL, { appName: 'lab' })
  const message = buildTaskMessage({ task: 'lab.noted', id: taskId, args: [ms], kwargs: {} })
  await broker.publish([{ queue: 'lab', message }])
  await broker.close()
  await until(() => ledger(taskId).length > 0, { what: 'the task runs' })
  return { worker, store }
}

const isGone = (error: unknown) => isCaromError(error, 'CAROM_STORE_GONE')

test('a worker whose children are all busy ends when its store is gone, and kills what they do', async (t) => {
  const { worker, store } = await busyWorker(t, 'busy', 60_000)
  rmSync(store, { recursive: true })
  await assert.rejects(worker.ended, isGone)
})

test('a worker that ends warm does not wait for a store that is gone', async (t) => {
  const { worker, store } = await busyWorker(t, 'warm', 60_000)
  const stopped = worker.stop('warm')
  rmSync(store, { recursive: true })
  await assert.rejects(stopped, isGone)
})

test('an outcome that a store can take no more does not keep the worker from its end', async (t) => {
  const { worker, store } = await busyWorker(t, 'outcome', 300)
  rmSync(store, { recursive: true })
  await assert.rejects(worker.stop('warm'), isGone)
})
