/** Keys of ours go by themselves when nobody needs them, and not before. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBroker } from '../../src/brokers/open.ts'
import { PUBLISH } from '../../src/brokers/redis/list-scripts.ts'
import { consumerOf } from '../conformance/store.ts'
import { noRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { redisForFile, storeWith } from './redis-place.ts'

const redis = redisForFile()
const options = { skip: noRedis, timeout: 30_000 }

test('what is put aside has its lifetime from the step that put it there', options, async (t) => {
  const { client, url } = await redis.place(t)
  const store = storeWith(t, url, {})
  await store.script(PUBLISH, ['one', 'other'], [60_000, 1, 'a', 2, 'b', 'c'])
  for (const list of ['one', 'other']) assert.ok((await client.pttl(list)) > 50_000, `${list} has no lifetime`)
  await store.script(PUBLISH, ['q'], [0, 1, 'a'])
  assert.equal(await client.pttl('q'), -1)
  assert.equal(await client.llen('other'), 2)
})

test('a node that served remote control leaves nothing behind, however it ends', options, async (t) => {
  const { broker, client, url } = await redis.place(t)
  await broker.mailbox.serve('n@here', async () => 'pong')
  const asking = await openBroker(url, { appName: 'test' })
  t.after(() => asking.close())
  const request = { method: 'ping', arguments: {}, destination: null }
  const replies = await asking.mailbox.ask(request, { timeoutMs: 5_000, limit: 1 })
  assert.deepEqual({ ...replies }, { 'n@here': 'pong' })
  // Now, while it serves: so also when it is killed.
  assert.deepEqual(await client.keys('*'), [])
})

test('a worker that lives long keeps what it needs from going', options, async (t) => {
  const { broker, client } = await redis.place(t)
  await client.zadd('carom.due', Date.now() + 3_600_000, 'carom.0123456789abcdef01.x.0.9.q')
  await consumerOf(broker)
  const keys = ['carom.queues', 'carom.due']
  for (const key of keys) assert.equal(await client.pexpire(key, 60_000), 1)
  for (const key of keys) {
    await until(async () => (await client.pttl(key)) > 60_000, { what: `the lifetime of ${key} begins anew` })
  }
})
