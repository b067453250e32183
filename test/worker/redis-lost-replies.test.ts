/** A worker whose outcomes Redis has stored, and whose connection breaks before it is told. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { SETTLE } from '../../src/brokers/redis/settle-script.ts'
import { Carom } from '../../src/index.ts'
import { startWorker } from '../../src/worker/index.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { APP, ledger, START } from './lab.ts'

const options = { skip: noRedis, timeout: 50_000 }
let server: RedisServer
before(async () => {
  if (noRedis === false) server = await startRedis()
})
after(() => server?.remove())

test('the result is stored once, the message is gone, and the task does not run again', options, async (t) => {
  process.env.CAROM_BROKER_URL = server.url()
  const client = new Carom('lab')
  afterwards(t, () => client.close())
  const noted = client.remoteTask<(ms: number) => number>('lab.noted')
  const proxy = await startProxy(server.port)
  afterwards(t, () => proxy.down())
  process.env.CAROM_BROKER_URL = server.url().replace(`:${server.port}/`, `:${proxy.port}/`)
  const refusals: unknown[] = []
  const quiet = () => {}
  const log = { debug: quiet, info: quiet, warn: quiet, error: (facts: object) => refusals.push(facts) }
  const worker = await startWorker({ app: APP, ...START, concurrency: 1, leaseMs: 1_500, log })
  afterwards(t, () => worker.stop('now'))
  // So that the server knows the scripts.
  assert.equal(await (await noted.delay(0)).get({ timeoutMs: 20_000 }), 0)
  const look = server.client()
  afterwards(t, () => look.disconnect())
  const said: string[] = []
  const ear = server.client()
  afterwards(t, () => ear.disconnect())
  ear.on('pmessage', (_pattern, channel) => said.push(channel))
  await ear.psubscribe('celery-task-meta-*')
  for (let round = 0; round < 5; round++) {
    const lost = proxy.loseReplyTo(SETTLE.sha)
    const result = await noted.delay(50)
    await lost
    assert.equal(await result.get({ timeoutMs: 10_000 }), 50)
    // The next one is run: the worker has gone on, and the lease of the first is over by now.
    const next = await noted.delay(round === 4 ? 2_000 : 0)
    await next.get({ timeoutMs: 20_000 })
    for (const { id } of [result, next]) {
      assert.deepEqual(
        ledger(id).map(({ event }) => event),
        ['START', 'END'],
      )
      assert.deepEqual(said.filter((channel) => channel.endsWith(id)).length, 1, 'it was published once')
    }
  }
  await until(async () => (await look.hlen('unacked')) + (await look.llen('celery')) === 0, { what: 'all are gone' })
  assert.equal(await look.zcard('carom.leases'), 0)
  assert.ok(refusals.length > 0, 'no reply was lost')
})
