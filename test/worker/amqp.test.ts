/** A worker on RabbitMQ, which is killed under it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Carom } from '../../src/index.ts'
import { type RabbitServer, startRabbit, withoutRabbit } from '../support/rabbitmq-server.ts'
import { until } from '../support/wait.ts'
import { ledger, startWorkerProcess } from './lab.ts'

const skip = withoutRabbit()
let server: RabbitServer
before(
  async () => {
    if (skip === false) server = await startRabbit()
  },
  { timeout: 60_000 },
)
after(() => server?.remove())

test('a worker survives its RabbitMQ: what was sent before, meanwhile and afterwards ends', {
  skip,
  timeout: 90_000,
}, async (t) => {
  // Results that have left the worker, and nobody has taken, outlast the server like messages.
  const url = `${server.url(await server.vhost())}?persistentResults=true`
  process.env.CAROM_BROKER_URL = url
  const app = new Carom('lab')
  t.after(() => app.close())
  const noted = app.remoteTask<(ms: number) => number>('lab.noted')
  const send = (ms: number) =>
    until(() => noted.delay(ms).catch(() => null), { what: 'a task is sent', withinMs: 40_000 })
  const four = [1_000, 1_000, 0, 1]

  await startWorkerProcess(t, { concurrency: 2 })
  const before = await Promise.all(four.map((ms) => noted.delay(ms)))
  await until(() => before.some(({ id }) => ledger(id).length === 1), { what: 'one has started', withinMs: 15_000 })
  await server.kill()
  const meanwhile = four.map(send)
  await server.start()
  const sent = [...before, ...(await Promise.all(meanwhile)), ...(await Promise.all(four.map(send)))]
  assert.deepEqual(await Promise.all(sent.map((result) => result.get({ timeoutMs: 40_000 }))), [
    ...four,
    ...four,
    ...four,
  ])
  for (const { id } of sent.slice(four.length * 2)) assert.equal(ledger(id).length, 2)
})
