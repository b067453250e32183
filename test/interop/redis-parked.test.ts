/** Only Python workers are left: what a Carom worker had parked comes back late, and is not lost. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { startWorker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { APP, ledger, mixedCluster, skip } from './mixed-lab.ts'
import { startPythonWorker } from './python.ts'

const options = { skip, timeout: 30_000 }
const VISIBILITY_MS = 2_000
const TRANSPORT_OPTIONS = JSON.stringify({ visibility_timeout: VISIBILITY_MS / 1000 })
const mixed = mixedCluster({ python: null, carom: { queues: ['py', 'ts'] } })

test(
  'messages with an eta that only a Carom worker had seen are run by a Python worker with a short visibility timeout',
  options,
  async () => {
    const dueMs = Date.now() + 2_000
    const { python } = mixed.carom
    const sent = await Promise.all([
      python.noted.applyAsync([], { eta: new Date(dueMs) }),
      python.noted.applyAsync([], { eta: new Date(dueMs), priority: 9, compression: 'gzip' }),
    ])
    const client = mixed.server.client()
    mixed.scope.after(() => client.disconnect())
    await until(async () => (await client.zcard('carom.due')) === sent.length, { what: 'both are parked' })
    await mixed.caromWorker.stop('warm')
    assert.equal(await client.hlen('unacked'), sent.length, 'the end of the worker has not lost them')
    // Kombu looks when a worker starts, and then every hundred seconds.
    await until(() => Date.now() > dueMs + VISIBILITY_MS + 200, { what: 'they are overdue' })
    assert.deepEqual(ledger(), [])
    await startPythonWorker(mixed.scope, mixed.url, { env: { TRANSPORT_OPTIONS } })
    await until(() => ledger().length === sent.length, { what: 'both have run', withinMs: 10_000 })
    for (const { atMs, taskId } of ledger()) {
      assert.ok(atMs >= dueMs, `${taskId} ran before it was due`)
      assert.ok(sent.some(({ id }) => id === taskId))
    }
    for (const result of sent) assert.equal(await result.get({ timeoutMs: 5_000 }), 'py')
    await until(async () => (await client.hlen('unacked')) === 0, { what: 'nothing is left' })
  },
)

test(
  'tasks that a Carom worker had parked since it does not know them run as soon as a Python worker is started',
  options,
  async () => {
    const worker = await startWorker({ app: APP, concurrency: 1, node: 'mistake@here', queues: ['later'] })
    const client = mixed.server.client()
    mixed.scope.after(() => client.disconnect())
    const sent = await mixed.carom.python.noted.applyMany([[], [], []], { queue: 'later' })
    await until(async () => (await client.zcard('carom.due')) === sent.length, { what: 'all are parked' })
    await worker.stop('warm')
    const [, lastMs] = await client.zrevrange('carom.due', 0, 0, 'WITHSCORES')
    await until(() => Date.now() > Number(lastMs), { what: 'they are due' })
    // With kombu's own visibility timeout, which is an hour.
    await startPythonWorker(mixed.scope, mixed.url, { queues: ['later'] })
    for (const result of sent) assert.equal(await result.get({ timeoutMs: 10_000 }), 'py')
  },
)
