/** A whole worker dies with messages in hand. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../../src/brokers/open.ts'
import { Carom } from '../../src/index.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'

const skip = withoutRabbit()
const build = (path: string) => fileURLToPath(new URL(path, import.meta.url))
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

async function startWorker(t: TestContext, url: string): Promise<ChildProcess> {
  const options = JSON.stringify({ app: build('./fixtures/amqp-tasks.js'), concurrency: 2 })
  const env = { ...process.env, CAROM_BROKER_URL: url }
  const worker = spawn(process.execPath, [build('../worker/fixtures/worker-process.js'), options], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => worker.kill('SIGKILL'))
  await once(worker.stdout, 'data')
  return worker
}

for (const queueType of ['classic', 'quorum']) {
  test(`what a killed worker had in hand is run by another (${queueType} queue)`, {
    skip,
    timeout: 50_000,
  }, async (t) => {
    const server = await rabbit()
    const url = `${server.url(await server.vhost())}?queueType=${queueType}`
    const app = new Carom('interop', { broker: url })
    const broker = await openBroker(url, { appName: 'interop' })
    t.after(() => Promise.all([app.close(), broker.close()]))
    const add = app.remoteTask<(a: number, b: number) => number>('interop.add')
    const worker = await startWorker(t, url)
    const sent = await add.applyMany(Array.from({ length: 600 }, (_, n): [number, number] => [n, 1]))
    // Somewhere in the middle of it.
    await sent[100]?.get({ timeoutMs: 30_000 })
    worker.kill('SIGKILL')
    await startWorker(t, url)
    const sums = await Promise.all(sent.map((result) => result.get({ timeoutMs: 30_000 })))
    assert.deepEqual(
      sums,
      sent.map((_, n) => n + 1),
    )
    assert.deepEqual(await broker.quarantine.list(), [])
  })
}
