/** A worker on Redis whose process dies, and one whose Redis does. */
import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { Carom } from '../../src/index.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/wait.ts'
import { ledger, startWorkerProcess } from './lab.ts'

const options = { skip: noRedis, timeout: 50_000 }
let server: RedisServer
before(async () => {
  if (noRedis === false) server = await startRedis()
})
after(() => server?.remove())

function lab(t: { after(release: () => unknown): void }, db: number, url = server.url(db)) {
  // Children and clients read it; the lab's own store is another.
  process.env.CAROM_BROKER_URL = url
  const app = new Carom('lab')
  t.after(() => app.close())
  return {
    noted: app.remoteTask<(ms: number) => number>('lab.noted'),
    lastsOnce: app.remoteTask<() => number>('lab.lastsOnce'),
    early: app.remoteTask<(ms: number) => string>('lab.early'),
  }
}

test('tasks of a worker that was killed run once more, elsewhere', options, async (t) => {
  const { lastsOnce } = lab(t, 0)
  const doomed = await startWorkerProcess(t, { leaseMs: 1_000 })
  const result = await lastsOnce.delay()
  await until(() => ledger(result.id).length === 1, { what: 'it has started', withinMs: 15_000 })
  doomed.process.kill('SIGKILL')
  await startWorkerProcess(t, { leaseMs: 1_000 })
  assert.equal(await result.get({ timeoutMs: 20_000 }), 2)
  assert.deepEqual(
    ledger(result.id).map(({ event, attempt }) => [event, attempt]),
    [
      ['START', 1],
      ['START', 2],
    ],
  )
})

test('a worker survives its Redis: what it ran is stored afterwards, and nothing runs twice', options, async (t) => {
  const { noted } = lab(t, 1)
  await startWorkerProcess(t, { leaseMs: 30_000, concurrency: 2 })
  const slow = await Promise.all([noted.delay(1_500), noted.delay(1_500)])
  const [first, second] = slow
  assert.ok(first && second)
  await until(() => slow.every(({ id }) => ledger(id).length === 1), { what: 'both have started', withinMs: 15_000 })
  await server.kill()
  await until(() => slow.every(({ id }) => ledger(id).length === 2), { what: 'both have ended', withinMs: 15_000 })
  await server.start()
  assert.deepEqual(await Promise.all(slow.map((result) => result.get({ timeoutMs: 20_000 }))), [1_500, 1_500])
  const next = await until(() => noted.delay(0).catch(() => null), { what: 'it is sent', withinMs: 15_000 })
  assert.equal(await next.get({ timeoutMs: 20_000 }), 0)
  for (const { id } of slow) assert.equal(ledger(id).length, 2)
})

test('an early ack whose answer is lost with its connection does not lose the task', options, async (t) => {
  const proxy = await startProxy(server.port)
  t.after(() => proxy.down())
  const { early, noted } = lab(t, 2, server.url(2).replace(`:${server.port}`, `:${proxy.port}`))
  await startWorkerProcess(t)
  // From now on Redis knows the script.
  await (await noted.delay(0)).get({ timeoutMs: 20_000 })
  const lost = proxy.loseReplyTo('\r\nack\r\n')
  const result = await early.delay(1_000)
  await lost
  assert.equal(await result.get({ timeoutMs: 20_000 }), 'done')
  assert.equal(ledger(result.id).filter(({ event }) => event === 'START').length, 1)
})
