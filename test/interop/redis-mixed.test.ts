/** Carom and Python workers on one queue. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../../src/brokers/open.ts'
import { startWorker } from '../../src/worker/index.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { noCelery, startPythonWorker } from './python.ts'

const SHOP = fileURLToPath(new URL('./fixtures/shop.js', import.meta.url))
const options = { skip: noRedis || noCelery, timeout: 55_000 }
let server: RedisServer
before(async () => {
  if (options.skip === false) server = await startRedis()
})
after(() => server?.remove())

test(
  "a Carom worker started on a Python worker's queue by mistake loses and fails none of 200 tasks",
  options,
  async (t) => {
    const url = server.url()
    process.env.CAROM_BROKER_URL = url
    const { app, python } = await import('./fixtures/shop.ts')
    t.after(() => app.close())
    const sent = await Promise.all(Array.from({ length: 200 }, (_, index) => python.add.delay(index, 1)))
    // First, so that it gets hold of all it can.
    const worker = await startWorker({ app: SHOP, concurrency: 2, queues: ['pyshop'] })
    t.after(() => worker.stop('now'))
    await startPythonWorker(t, url)
    const sums = await Promise.all(sent.map((result) => result.get({ timeoutMs: 45_000 })))
    assert.deepEqual(
      sums,
      sent.map((_, index) => index + 1),
    )
    const broker = await openBroker(url, { appName: 'shop' })
    t.after(() => broker.close())
    assert.deepEqual(await broker.quarantine.list(), [])
    assert.deepEqual(await broker.depths(['pyshop']), [])
  },
)

test('tasks that both know run on either, each once, and neither starves', options, async (t) => {
  const url = server.url(1)
  process.env.CAROM_BROKER_URL = url
  const { Carom } = await import('../../src/index.ts')
  const app = new Carom('client')
  t.after(() => app.close())
  const where = app.remoteTask<() => string>('both.where', { queue: 'both' })
  await startPythonWorker(t, url, { queues: ['both'] })
  const worker = await startWorker({ app: SHOP, concurrency: 1, queues: ['both'] })
  t.after(() => worker.stop('now'))
  const sent = await Promise.all(Array.from({ length: 200 }, () => where.delay()))
  const places = await Promise.all(sent.map((result) => result.get({ timeoutMs: 45_000 })))
  const count = (place: string) => places.filter((each) => each === place).length
  assert.equal(count('python') + count('carom'), sent.length)
  assert.ok(count('python') >= 10 && count('carom') >= 10, `python ${count('python')}, carom ${count('carom')}`)
})
