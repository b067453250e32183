/** Messages of Celery's protocol v1, as Python sends them with task_protocol = 1, run by Carom. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { until } from '../support/wait.ts'
import { GET, ledger, mixedCluster, on, runWorkflow, skip } from './mixed-lab.ts'

const options = { skip, timeout: 30_000 }
const mixed = mixedCluster({ env: { TASK_PROTOCOL: '1' } })
const run = runWorkflow(mixed)

test('what Python sends has no headers of a task', options, async () => {
  const client = mixed.server.client()
  try {
    await mixed.python.ask({ command: 'send', task: 'ts.add', args: [1, 1], options: { queue: 'nobody' } })
    const [envelope] = await client.lrange('nobody', 0, 0)
    assert.deepEqual(JSON.parse(envelope as string).headers, {})
  } finally {
    client.disconnect()
  }
})

test('arguments by position and by name, odd values, compressed and large', options, async () => {
  const odd = { text: 'ü 🎱', list: [1, null, 2.5, 2n ** 60n, { deep: [true] }] }
  assert.deepEqual((await mixed.python.call('ts.echo', { args: [odd] })).value, odd)
  assert.deepEqual((await mixed.python.call('ts.named', { args: ['x'], kwargs: { b: 'y' } })).value, ['x', 'y'])
  const large = { args: ['x'.repeat(500_000)], options: { compression: 'gzip' } }
  assert.equal((await mixed.python.call('ts.length', large)).value, 500_000)
})

test('id, queue and retries are those of the message', options, async () => {
  const called = await mixed.python.call('ts.describe', { options: { task_id: 'v1-id', retries: 2 } })
  const { id, queue, retries } = called.value as Record<string, unknown>
  assert.deepEqual([called.id, id, queue, retries], ['v1-id', 'v1-id', 'ts', 2])
})

test('a countdown is kept, and what has expired is revoked', options, async () => {
  const sentMs = Date.now()
  const later = await mixed.python.call('ts.describe', { options: { countdown: 0.7 } })
  assert.ok((later.value as { at: number }).at >= sentMs + 700, 'it came early')
  const expired = await mixed.python.call('ts.noted', { options: { expires: -1 } })
  assert.deepEqual([expired.state, expired.error?.type], ['REVOKED', 'TaskRevokedError'])
})

test('errors, and tasks that ignore their result', options, async () => {
  const { error } = await mixed.python.call('ts.fails', { args: ['KeyError'] })
  assert.deepEqual(error, { type: 'KeyError', module: 'builtins', args: ['it was a KeyError'] })
  const id = await mixed.python.ask({ command: 'send', task: 'ts.quiet' })
  await until(() => ledger().some(({ taskId }) => taskId === id), { what: 'it ran' })
  assert.equal(await mixed.carom.app.result(id as string).state(), 'PENDING')
})

test('links, error links, groups and chords', options, async () => {
  const linked = on('py', 'add', [10], { task_id: 'v1-link' })
  assert.equal((await run(on('ts', 'add', [1, 1], { link: [linked] }))).value, 2)
  assert.equal(await mixed.carom.app.result('v1-link').get(GET), 12)
  const failed = await run(on('ts', 'fails', ['TypeError'], { link_error: [on('py', 'errback')] }))
  await until(() => ledger().some(({ event }) => event === `ERRBACK-${failed.id}`), { what: 'the error link ran' })
  assert.deepEqual((await run(['group', on('ts', 'add', [1, 1]), on('py', 'add', [2, 2])])).value, [2, 4])
  const header = [on('ts', 'add', [1, 1]), on('py', 'add', [2, 2]), on('ts', 'add', [3, 3])]
  assert.equal((await run(['chord', header, on('ts', 'sum')])).value, 12)
})

test('a chain of protocol v1, whose steps are links in each other', options, async () => {
  const called = await run(['chain', on('ts', 'add', [1, 1]), on('py', 'add', [10]), on('ts', 'add', [100])])
  assert.equal(called.value, 112, JSON.stringify(called))
})
