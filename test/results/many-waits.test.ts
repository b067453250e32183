import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Carom, GroupResult } from '../../src/index.ts'
import { noRedis, startRedis } from '../support/redis-server.ts'
import { until } from '../support/wait.ts'

const MANY = 5_000

test('redis: five thousand waits use the connections that one does', { skip: noRedis, timeout: 60_000 }, async (t) => {
  const redis = await startRedis()
  const client = redis.client()
  const app = new Carom('waits', { broker: redis.url() })
  t.after(async () => {
    client.disconnect()
    await app.close()
    await redis.remove()
  })
  const connections = async () =>
    String(await client.client('LIST'))
      .trim()
      .split('\n').length
  const isAwaited = async (id: string) => (await client.pubsub('NUMSUB', `celery-task-meta-${id}`))[1] === 1
  const first = app.result('first').get({ timeoutMs: 50_000 })
  await until(() => isAwaited('first'), { what: 'the first is listened for' })
  const few = await connections()
  assert.ok(few <= 3, `the test's own and two more, not ${few}`)

  const ids = Array.from({ length: MANY }, (_, index) => `wait-${index}`)
  const waiting = GroupResult.of(ids.map((id) => app.result<number>(id))).get({ timeoutMs: 50_000 })
  await until(() => isAwaited(`wait-${MANY - 1}`), { what: 'all are listened for', withinMs: 20_000 })
  assert.equal(await connections(), few)
  for (const [index, id] of [...ids, 'first'].entries()) {
    const key = `celery-task-meta-${id}`
    const text = JSON.stringify({ status: 'SUCCESS', result: index, traceback: null, children: [], task_id: id })
    // One step, as Celery stores it; the connection answers in order, and the last of them is awaited.
    const stored = client.multi().set(key, text, 'EX', 60).publish(key, text).exec()
    if (index === MANY) await stored
  }
  assert.equal(await first, MANY)
  assert.deepEqual(
    await waiting,
    ids.map((_, index) => index),
  )
  assert.equal(await connections(), few)
  await until(async () => !(await isAwaited(`wait-${MANY - 1}`)), { what: 'no channel is listened to any more' })
})
