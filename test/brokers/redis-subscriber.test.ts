/** The connection that hears: what has been promised to be heard is heard. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { noRedis, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'
import { storeWith } from './redis-place.ts'

const options = { skip: noRedis, timeout: 30_000 }

test('a second listener waits for the subscription that the first has asked for', options, async (t) => {
  const server = await startRedis()
  t.after(() => server.remove())
  const client = server.client()
  t.after(() => client.disconnect())
  const { subscriber } = storeWith(t, server.url(), {})
  await subscriber.start()
  const heard: string[] = []
  const ready: string[] = []
  const listen = async (name: string) => {
    await subscriber.listen(['channel'], () => heard.push(name))
    ready.push(name)
  }
  await Promise.all([listen('first'), listen('second')])
  assert.deepEqual(ready, ['first', 'second'])
  assert.equal(await client.publish('channel', 'x'), 1)
  await until(() => heard.length === 2, { what: 'both have heard it' })
  // A third has nothing to wait for.
  await listen('third')
  await client.publish('channel', 'y')
  await until(() => heard.length === 5, { what: 'all have heard it' })
})
