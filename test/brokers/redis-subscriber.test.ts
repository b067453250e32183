/** The connection that hears: what has been promised to be heard is heard. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
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
  const listen = (name: string) => subscriber.listen(['channel'], () => heard.push(name))
  server.signal('SIGSTOP')
  const first = listen('first')
  const second = listen('second')
  const outcome = await Promise.race([second.then(() => 'it does not wait'), pause(200, 'it waits')])
  server.signal('SIGCONT')
  assert.equal(outcome, 'it waits')
  await Promise.all([first, second])
  assert.equal(await client.publish('channel', 'x'), 1)
  await until(() => heard.length === 2, { what: 'both have heard it' })
  // A third has nothing to wait for.
  await listen('third')
  await client.publish('channel', 'y')
  await until(() => heard.length === 5, { what: 'all have heard it' })
})
