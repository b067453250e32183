/** A process that publishes and is killed: what it had confirmed is there. */
import assert from 'node:assert/strict'
import { before, type TestContext, test } from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { afterwards } from '../conformance/afterwards.ts'
import { rabbit } from '../conformance/open-rabbit.ts'
import { claimCount, consumerOf, idsOf } from '../conformance/store.ts'
import { withoutRabbit } from '../support/rabbitmq-server.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile } from './redis-place.ts'
import { start } from './store-processes.ts'

const redis = redisForFile()
const skip = withoutRabbit()
before(() => (skip === false ? rabbit() : undefined), { timeout: 60_000 })

/** Each call publishes three: "7.a", "7.b" and "7.c". */
const threesOf = (count: number) =>
  Array.from({ length: count }, (_, number) => ['a', 'b', 'c'].map((part) => `${number}.${part}`)).flat()

/** How many calls it had confirmed when it was killed, and what is in the queue then. */
async function killed(t: TestContext, url: string): Promise<{ confirmed: number; ids: readonly string[] }> {
  const producer = start(t, 'publish-threes', url)
  await producer.said(40)
  await producer.kill()
  const broker = await openBroker(url, { appName: 'test' })
  afterwards(t, () => broker.close())
  let count = -1
  // What was on its way may still get there.
  const isAtRest = async () => {
    const before = count
    count = (await broker.depths(['q']))[0]?.waiting ?? 0
    return count === before
  }
  await until(isAtRest, { what: 'the queue is at rest' })
  const ids = idsOf(await claimCount(await consumerOf(broker), count, 15_000))
  return { confirmed: producer.lines.length, ids }
}

test('Redis: what a killed sender had confirmed is there, and no half of a call', {
  skip: noRedis,
  timeout: 40_000,
}, async (t) => {
  const { url } = await redis.place(t)
  const { confirmed, ids } = await killed(t, url)
  // One more may be there whose confirmation never came out.
  const calls = ids.length / 3
  assert.ok(calls === confirmed || calls === confirmed + 1, `${confirmed} confirmed, ${ids.length} messages there`)
  assert.deepEqual(ids, threesOf(calls))
})

test('RabbitMQ: what a killed sender had confirmed is there, and of its last call perhaps a part', {
  skip,
  timeout: 40_000,
}, async (t) => {
  const server = await rabbit()
  const { confirmed, ids } = await killed(t, server.url(await server.vhost()))
  assert.ok(ids.length >= confirmed * 3 && ids.length <= (confirmed + 1) * 3, `${confirmed}, ${ids.length}`)
  assert.deepEqual(ids, threesOf(confirmed + 1).slice(0, ids.length))
})
