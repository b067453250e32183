/** A worker whose store is locked by others, or full: it waits without standing still, and settles each task once. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import test, { type TestContext } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { acquireStore, releaseStore } from '../../src/brokers/sqlite/open-stores.ts'
import { isCaromError } from '../../src/errors.ts'
import type { LogFacts } from '../../src/worker/index.ts'
import { startWorker } from '../../src/worker/index.ts'
import { start } from '../brokers/store-processes.ts'
import { until } from '../support/wait.ts'
import { APP, ledger, START } from './lab.ts'

const { Carom } = await import('../../src/index.ts')
const GET = { timeoutMs: 10_000 }

/** An app that sends to a store of its own, which this process may also look into. */
async function storeWithSender(t: TestContext) {
  const path = join(mkdtempSync(join(dirname(process.env.LAB_LEDGER as string), 'store-')), 'lab.sqlite')
  process.env.CAROM_BROKER_URL = `embedded:${path}`
  const sender = new Carom('lab')
  const noted = sender.remoteTask<(ms: number) => number>('lab.noted')
  const large = sender.remoteTask<(chars: number) => string>('lab.large')
  const store = await acquireStore({ path, durability: 'machine' })
  t.after(async () => {
    await sender.close()
    await releaseStore(store)
  })
  return { url: `embedded:${path}`, store, noted, large }
}

test('a worker whose store is locked for 400 ms keeps its loop turning, and loses and repeats nothing', async (t) => {
  const { url, noted } = await storeWithSender(t)
  const worker = await startWorker({ app: APP, ...START, concurrency: 1, leaseMs: 600 })
  t.after(() => worker.stop('now'))
  const running = await noted.delay(200)
  await until(() => ledger(running.id).length > 0, { what: 'a task runs' })
  const locker = start(t, 'lock', url, { argument: '400' })
  await locker.said(1)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const startedMs = performance.now()
  // Neither what is sent nor the outcome of what runs can be written now.
  const others = await noted.applyMany(Array.from({ length: 20 }, () => [0] as [number]))
  assert.ok(performance.now() - startedMs > 200, 'it was not locked')
  const results = await Promise.all([running, ...others].map((result) => result.get(GET)))
  delay.disable()
  assert.ok(delay.percentile(99) < 50e6, `the loop was held for ${delay.percentile(99) / 1e6} ms`)
  assert.deepEqual(results, [200, ...others.map(() => 0)])
  for (const { id } of [running, ...others]) {
    assert.deepEqual(
      ledger(id).map(({ event }) => event),
      ['START', 'END'],
    )
  }
})

test('an outcome for which the disk has no room waits in its worker, and is stored once when there is some', async (t) => {
  const { url, store, large } = await storeWithSender(t)
  const refusals: LogFacts[] = []
  const quiet = () => {}
  const log = { debug: quiet, info: quiet, warn: quiet, error: (facts: LogFacts) => refusals.push(facts) }
  const worker = await startWorker({ app: APP, ...START, concurrency: 1, log })
  t.after(() => worker.stop('now'))
  const pages = (database: { all(sql: string): readonly object[] }) =>
    Object.values(database.all('PRAGMA page_count')[0] as object)[0] as number
  // Room for a message and its claim, not for its result.
  await store.read((database) => database.all(`PRAGMA max_page_count = ${pages(database) + 10}`))
  const result = await large.delay(300_000)
  const [refusal] = await until(() => (refusals.length > 0 ? refusals : null), {
    what: 'the store refuses the outcome',
  })
  assert.ok(isCaromError(refusal?.err, 'CAROM_STORE_FULL'), String(refusal?.err))
  assert.equal(refusal?.taskId, result.id)
  assert.equal(await result.state(), 'PENDING')
  await store.read((database) => database.all('PRAGMA max_page_count = 100000'))
  assert.equal((await result.get(GET)).length, 300_000)
  assert.equal(ledger(result.id).length, 1)
  const broker = await openBroker(url, { appName: 'lab' })
  t.after(() => broker.close())
  assert.deepEqual(await broker.depths(), [], 'the message is gone with its result')
})
