/**
 * Long tasks, and others that are not due, in the hands of two Carom workers, while kombu gives back all that has been held
 * for a second: a Python worker as it starts, a sweep without end beside it, and the Carom workers for what is Python's. The
 * Python worker has a queue of its own: what it holds itself for longer than its timeout kombu would run twice.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { startWorker } from '../../src/worker/index.ts'
import { until } from '../support/wait.ts'
import { APP, GET, ledger, mixedCluster, skip } from './mixed-lab.ts'
import { startPythonClient, startPythonWorker } from './python.ts'

const LONG = 20
const LATER = 40
const LEASE_MS = 2_000
/** Three leases, and twice what kombu waits from the claim on if nobody renews it: a lease and its timeout. */
const LONG_SECONDS = 6
const LATER_MS = 3_000
const TRANSPORT_OPTIONS = JSON.stringify({ visibility_timeout: 1 })
const CAROM = { concurrency: 1, concurrencyPerChild: LONG / 2, leaseMs: LEASE_MS, queues: ['ts'] }
const mixed = mixedCluster({ python: null, carom: CAROM, query: '?visibilityTimeoutMs=1000' })

test("no participant's visibility timeout runs a task twice, however long it takes or waits", {
  skip,
  timeout: 60_000,
}, async () => {
  const second = await startWorker({ app: APP, ...CAROM, node: 'second@here' })
  mixed.scope.after(() => second.stop('now'))
  const { noted, python } = mixed.carom
  const long = await noted.applyMany(Array.from({ length: LONG }, () => [LONG_SECONDS] as [number]))
  await until(() => ledger().length === LONG, { what: 'all long tasks are in hand', withinMs: 15_000 })
  const eta = new Date(Date.now() + LATER_MS)
  const later = await noted.applyMany(
    Array.from({ length: LATER }, () => [] as []),
    { eta },
  )
  const sweeper = startPythonClient(mixed.scope, mixed.url, 'kombu_probe.py')
  // It takes what it finds in this queue, so it must be one that stays empty; what it gives back is everybody's.
  const sweep = { command: 'restore', queue: 'nobody', visibility_timeout: 1, within: LONG_SECONDS }
  const sweeping = sweeper.ask(sweep)
  await startPythonWorker(mixed.scope, mixed.url, { env: { TRANSPORT_OPTIONS } })
  assert.equal(await (await python.add.delay(2, 3)).get(GET), 5)
  for (const result of [...long, ...later]) assert.equal(await result.get({ timeoutMs: 20_000 }), 'ts')
  assert.equal(await sweeping, null)
  const runs = new Map<string, number>()
  for (const { taskId, atMs } of ledger()) {
    runs.set(taskId, (runs.get(taskId) ?? 0) + 1)
    if (later.some(({ id }) => id === taskId)) assert.ok(atMs >= eta.getTime(), `${taskId} ran before it was due`)
  }
  assert.deepEqual([runs.size, new Set(runs.values())], [LONG + LATER, new Set([1])])
  const client = mixed.server.client()
  mixed.scope.after(() => client.disconnect())
  await until(async () => (await client.hlen('unacked')) === 0, { what: 'nothing is left in hand' })
})
