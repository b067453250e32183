/** Kombu's `global_keyprefix`, under which several installations share a database. Celery 5.2 gives results no prefix. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { GET, mixedCluster, on, runWorkflow, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const env = {
  TRANSPORT_OPTIONS: JSON.stringify({ global_keyprefix: 'shop_' }),
  // Without routes: Celery declares no queue for a message that names only its exchange.
  MIXED_CONFIG: JSON.stringify({ task_routes: {} }),
}
const mixed = mixedCluster({ query: '?globalKeyprefix=shop_', resultsQuery: '', env, python: { env } })
const run = runWorkflow(mixed)
const toCarom = { queue: 'ts' }

test('calls, errors and an eta reach each other under the prefix', options, async () => {
  const { python, carom } = mixed
  assert.equal((await python.call('ts.add', { args: [2, 3], options: toCarom })).value, 5)
  assert.equal((await python.call('ts.fails', { args: ['coded'], options: toCarom })).error?.type, 'CardError')
  const startedMs = Date.now()
  const later = await python.call('ts.describe', { options: { ...toCarom, countdown: 0.6, priority: 6 } })
  assert.ok((later.value as { at: number }).at >= startedMs + 600, 'it ran too early')
  assert.equal(await (await carom.python.add.delay(2, 3)).get(GET), 5)
  await assert.rejects(async () => (await carom.python.fails.delay('value')).get(GET), { name: 'ValueError' })
  const fromCarom = await carom.python.describe.applyAsync([], { countdownMs: 600, priority: 6 })
  const seen = (await fromCarom.get(GET)) as { at: number; priority: number }
  assert.ok(seen.at >= startedMs + 1_200, 'it ran too early')
  assert.equal(seen.priority, 6)
})

test('a call by the name of an exchange reaches the queue that is bound to it', options, async () => {
  const named = { exchange: 'ts', routing_key: 'ts' }
  assert.equal((await mixed.python.call('ts.add', { args: [2, 3], options: named })).value, 5)
})

test('a chord of both sides ends, and remote control reaches both', options, async () => {
  const parts = [on('ts', 'add', [1, 1]), on('py', 'add', [2, 2])]
  assert.equal((await run(['chord', parts, on('ts', 'sum')])).value, 6)
  assert.equal((await run(['chord', parts, on('py', 'sum')])).value, 6)
  const nodes = ['ts@here', `py${process.pid}@here`]
  const replies = await mixed.python.ask({ command: 'inspect', method: 'ping', destination: nodes })
  assert.deepEqual(replies, Object.fromEntries(nodes.map((node) => [node, { ok: 'pong' }])))
})

test('every key stands under the prefix, but those of results', options, async (t) => {
  const client = mixed.server.client()
  t.after(() => client.disconnect())
  // One that waits, one that is parked, one in quarantine.
  await client.lpush('shop_ts', 'garbage')
  await mixed.carom.describe.applyAsync([], { countdownMs: 60_000 })
  await mixed.carom.add.applyAsync([1, 1], { queue: 'waits' })
  assert.equal((await mixed.python.call('ts.add', { args: [2, 3], options: toCarom })).value, 5)
  const keys = (await client.keys('*')).map((key) => key.replace(/meta-.*/, 'meta-'))
  const bare = new Set(keys.filter((key) => !key.startsWith('shop_')))
  assert.deepEqual(bare, new Set(['celery-task-meta-']))
  for (const key of ['shop_waits', 'shop_carom.quarantine', 'shop_carom.due', 'shop__kombu.binding.ts']) {
    assert.ok(keys.includes(key), `${key} is not among ${keys.join(' ')}`)
  }
})
