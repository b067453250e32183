/** Outcomes that no store will ever take: they end, others go on, and a worker that is to stop does. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import type { Settlement } from '../../src/brokers/broker.ts'
import { CaromError, isCaromError } from '../../src/errors.ts'
import { Carom } from '../../src/index.ts'
import { worthOfTries } from '../../src/worker/store-trouble.ts'
import { sig } from '../canvas/workflow.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { claimed, ledger, startWorkerProcess } from './lab.ts'
import { startNode } from './node-lab.ts'
import { carrying, openWorkflowStore, WORKFLOW_APP } from './workflow-lab.ts'

const GET = { timeoutMs: 10_000 }
let server: RedisServer
before(async () => {
  if (noRedis === false) server = await startRedis()
})
after(() => server?.remove())

test('what a store refuses for good fails, and its message is set aside; others are stored', async (t) => {
  const app = new Carom('lab')
  t.after(() => app.close())
  const add = app.remoteTask<(a: number, b: number) => number>('lab.add')
  const refused = new Set<string>()
  const isRefused = ({ result }: Settlement) => result?.status === 'SUCCESS' && refused.has(result.taskId)
  const { node, broker, ended } = await startNode(t, {}, (real) => ({
    settle: async (settlements) => {
      if (settlements.some(isRefused)) throw new CaromError('CAROM_MESSAGE_INVALID', 'its queue is no name')
      return real.settle(settlements)
    },
  }))
  const tasks = [1, 2, 3, 4].map((n) => ({ id: `task-${n}`, n }))
  for (const { id, n } of tasks) if (n % 2 === 0) refused.add(id)
  const sent = await Promise.all(tasks.map(({ id, n }) => add.applyAsync([n, n], { taskId: id })))
  for (const [index, result] of sent.entries()) {
    if (!refused.has(result.id)) assert.equal(await result.get(GET), 2 * (index + 1))
    else {
      await assert.rejects(result.get(GET), (error: Error) => {
        assert.match(error.message, /cannot be stored: its queue is no name/)
        return true
      })
    }
  }
  const aside = await broker.quarantine.list()
  assert.deepEqual(aside.map(({ taskId }) => taskId).sort(), ['task-2', 'task-4'])
  assert.match(aside[0]?.reason ?? '', /its queue is no name/)
  assert.equal(await claimed(), 0)
  node.stop('warm')
  await ended
})

test('redis: a link to a key that is no queue does not keep a worker from stopping', {
  skip: noRedis,
  timeout: 50_000,
}, async (t) => {
  process.env.CAROM_BROKER_URL = server.url(0)
  const store = await openWorkflowStore()
  const client = server.client()
  t.after(async () => {
    client.disconnect()
    await store.close()
  })
  await client.set('broken', 'no list')
  const callbacks = [sig('demo.add', { args: [1], options: { queue: 'broken' } })]
  const late = carrying('demo.slow', [300], { callbacks })
  const early = carrying('demo.early', [7], { callbacks })
  const worker = await startWorkerProcess(t, { app: WORKFLOW_APP, signals: true, concurrency: 2 })
  await store.broker.publish([late, early])
  assert.equal((await store.outcome(early.id)).value, 7)
  await until(() => ledger(late.id).length > 0, { what: 'the other one runs', withinMs: 15_000 })
  await worker.climb('SIGTERM', 'warm')
  assert.equal(await worker.exited, 0)
  // Whatever it is: whoever waits is told.
  await store.outcome(late.id)
  const aside = await store.broker.quarantine.list()
  assert.deepEqual(
    aside.map(({ taskId }) => taskId),
    [late.id],
  )
  assert.match(aside[0]?.reason ?? '', /WRONGTYPE/)
})

for (const [error, worth] of [
  [new CaromError('CAROM_MESSAGE_INVALID', ''), 'none'],
  [new CaromError('CAROM_STORE_UNAVAILABLE', '', { cause: new Error('ECONNREFUSED') }), 'all'],
  [new CaromError('CAROM_STORE_UNAVAILABLE', '', { cause: new Error('WRONGTYPE Operation against a key') }), 'some'],
  [new CaromError('CAROM_STORE_FULL', ''), 'all'],
  [new CaromError('CAROM_STORE_BUSY', ''), 'all'],
  [new CaromError('CAROM_POOL_CLOSED', ''), 'all'],
  [new CaromError('CAROM_RESULT_TOO_LARGE', ''), 'some'],
  [new TypeError('a bug'), 'some'],
] as const) {
  const name = isCaromError(error) ? error.code : error.name
  test(`worthOfTries() of ${name} with ${error.cause ?? 'no cause'} says ${worth}`, () => {
    assert.equal(worthOfTries(error), worth)
  })
}
